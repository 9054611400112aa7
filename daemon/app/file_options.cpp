// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/file_options.h"

#include "daemon/app/command_words.h"

namespace dynakv::app {
namespace {

base::Error invalid(const QByteArray &why)
{
    return {base::ErrorCode::Invalid, why};
}

} // namespace

base::Result<FileOptions> parseVerify(const std::vector<QByteArray> &arguments)
{
    const auto words = CommandWords::sort(arguments, {"--json"}, {});
    if (!words)
        return words.error();
    if (words->others.size() != 1)
        return invalid("one FILE, for example dynakvd verify /var/lib/dynakv/storage.db");
    FileOptions options;
    options.file = QString::fromUtf8(words->others.front());
    options.isJson = words->has("--json");
    return options;
}

base::Result<FileOptions> parseRecover(const std::vector<QByteArray> &arguments)
{
    const auto words = CommandWords::sort(arguments, {"--prefix", "--salvage"}, {});
    if (!words)
        return words.error();
    if (words->has("--prefix") == words->has("--salvage")) {
        return invalid("one of --prefix (what is in front of the damage) and --salvage (all that "
                       "is intact) must stand there");
    }
    if (words->others.size() != 2)
        return invalid("two files, for example dynakvd recover --prefix storage.db recovered.db");
    FileOptions options;
    options.file = QString::fromUtf8(words->others[0]);
    options.newFile = QString::fromUtf8(words->others[1]);
    options.salvages = words->has("--salvage");
    return options;
}

base::Result<FileOptions> parseRestore(const std::vector<QByteArray> &arguments)
{
    const auto words = CommandWords::sort(arguments, {}, {"--data-dir"});
    if (!words)
        return words.error();
    if (words->others.size() != 1 || !words->has("--data-dir")) {
        return invalid("a backup and a directory, for example dynakvd restore monday.db --data-dir "
                       "/var/lib/dynakv");
    }
    FileOptions options;
    options.file = QString::fromUtf8(words->others.front());
    options.dataDir = QString::fromUtf8(words->value("--data-dir"));
    return options;
}

base::Result<FileOptions> parseSetAside(const std::vector<QByteArray> &arguments)
{
    const auto words = CommandWords::sort(arguments, {}, {"--data-dir"});
    if (!words)
        return words.error();
    if (!words->others.empty() || !words->has("--data-dir")) {
        return invalid("a directory alone, for example dynakvd set-aside --data-dir "
                       "/var/lib/dynakv");
    }
    FileOptions options;
    options.dataDir = QString::fromUtf8(words->value("--data-dir"));
    return options;
}

} // namespace dynakv::app
