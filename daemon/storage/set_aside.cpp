// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/set_aside.h"

#include "daemon/storage/data_paths.h"
#include "daemon/storage/file_walk.h"

#include <algorithm>

namespace dynakv::storage {
namespace {

using Names = std::vector<QString>;

bool contains(const Names &names, const QString &name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// What stands behind `storage.db` in the names that go with it: that of the file itself, empty,
/// comes last, so that whatever is left behind by a crash still belongs to a file.
std::vector<QString> suffixesIn(const Names &names, const DataPaths &paths)
{
    const auto nameOf = [&](const QString &path) {
        return path.sliced(paths.directory.size() + 1);
    };
    std::vector<QString> suffixes;
    for (const QString &name : names) {
        // The lock is the directory's, and drafts are nobody's.
        if (name.startsWith(nameOf(paths.file)) && name != nameOf(paths.file) &&
            name != nameOf(paths.lock) && name != nameOf(paths.unfinished) &&
            name != nameOf(paths.tornDraft))
            suffixes.push_back(name.sliced(nameOf(paths.file).size()));
    }
    std::sort(suffixes.begin(), suffixes.end());
    suffixes.emplace_back();
    return suffixes;
}

QString freeName(const Names &names, const std::vector<QString> &suffixes, const QString &wanted)
{
    for (int number = 1;; ++number) {
        const QString name = wanted +
                             (number == 1 ? QString() : QStringLiteral("-%1").arg(number)) +
                             QStringLiteral(".db");
        const bool isFree =
            std::none_of(suffixes.begin(), suffixes.end(),
                         [&](const QString &suffix) { return contains(names, name + suffix); });
        if (isFree)
            return name;
    }
}

base::Result<Metas> metasOf(FileSystem &files, const QString &path)
{
    Metas metas;
    const auto report =
        walkFile(files, path, OnDamage::Skip,
                 {[](const core::RecordView &) {},
                  [&metas](QByteArrayView name, QByteArrayView value) {
                      metas.insert_or_assign(name.toByteArray(), value.toByteArray());
                  }});
    if (!report)
        return report.error();
    return metas;
}

} // namespace

base::Result<QString> setFileAside(FileSystem &files, const QString &directory,
                                   const NameAside &nameFor)
{
    const DataPaths paths(directory);
    if (const auto listed = files.list(directory); !listed)
        return listed.error();
    const auto lock = files.lock(paths.lock);
    if (!lock && lock.error().code == base::ErrorCode::Busy)
        return {base::ErrorCode::Busy, directory.toUtf8() + " is in use by a dynakvd; stop it"};
    if (!lock)
        return lock.error();
    const auto names = files.list(directory);
    if (!names)
        return names.error();
    const auto metas = metasOf(files, paths.file);
    if (!metas)
        return metas.error();
    const auto wanted = nameFor(*metas);
    if (!wanted)
        return wanted.error();
    const auto suffixes = suffixesIn(*names, paths);
    const QString path = directory + QLatin1Char('/') + freeName(*names, suffixes, *wanted);
    for (const QString &suffix : suffixes) {
        if (const auto renamed = files.rename(paths.file + suffix, path + suffix); !renamed)
            return renamed.error();
    }
    if (const auto synced = files.syncDirectory(directory); !synced)
        return synced.error();
    return path;
}

} // namespace dynakv::storage
