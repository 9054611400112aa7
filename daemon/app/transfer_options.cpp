// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/transfer_options.h"

#include "daemon/app/command_words.h"
#include "shared/base/limits.h"

namespace dynakv::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Error invalid(const QByteArray &why)
{
    return {ErrorCode::Invalid, why};
}

} // namespace

QByteArray toText(ImportMode mode)
{
    switch (mode) {
    case ImportMode::OnlyMissing:
        return "only-missing";
    case ImportMode::Overwrite:
        return "overwrite";
    }
    return {};
}

Result<TransferOptions> parseExport(const std::vector<QByteArray> &arguments)
{
    const auto words = CommandWords::sort(arguments, {"--resume", "--progress"},
                                          {"--file", "--prefix", "--output"});
    if (!words)
        return words.error();
    if (words->others.size() > 1)
        return invalid("one ADDR at most, for example dynakvd export 127.0.0.1:6660");
    TransferOptions options;
    if (!words->others.empty())
        options.address = words->others.front();
    options.prefix = words->value("--prefix");
    options.file = QString::fromUtf8(words->value("--output"));
    options.resumes = words->has("--resume");
    options.showsProgress = words->has("--progress");
    options.source = QString::fromUtf8(words->value("--file"));
    if (!options.source.isEmpty() && (!options.address.isEmpty() || options.resumes))
        return invalid("--file reads a file, so that neither ADDR nor --resume goes with it");
    if (options.prefix.size() > base::limits::kKeyBytesMax)
        return invalid("--prefix: no key is longer than 1024 bytes");
    if (options.file == QLatin1String("-"))
        options.file.clear();
    if (options.resumes && options.file.isEmpty())
        return invalid("--resume goes on with a file; name it by --output FILE");
    return options;
}

Result<TransferOptions> parseImport(const std::vector<QByteArray> &arguments)
{
    const auto words = CommandWords::sort(
        arguments, {"--only-missing", "--overwrite", "--resume", "--force", "--progress"}, {});
    if (!words)
        return words.error();
    if (words->others.empty())
        return invalid("import needs a FILE, or - for standard input, for example dynakvd import "
                       "FILE 127.0.0.1:6660 --only-missing");
    if (words->others.size() > 2)
        return invalid("one FILE and one ADDR at most, for example dynakvd import FILE "
                       "127.0.0.1:6660 --only-missing");
    if (words->has("--only-missing") == words->has("--overwrite"))
        return invalid("import needs exactly one of --only-missing (existing keys stay as they "
                       "are) and --overwrite (they get the value of the file)");
    TransferOptions options;
    options.file = QString::fromUtf8(words->others.front());
    if (words->others.size() > 1)
        options.address = words->others.back();
    options.mode = words->has("--overwrite") ? ImportMode::Overwrite : ImportMode::OnlyMissing;
    options.resumes = words->has("--resume");
    options.isForced = words->has("--force");
    options.showsProgress = words->has("--progress");
    const bool isStream = options.file == QLatin1String("-");
    if (isStream && (options.resumes || options.isForced))
        return invalid("--resume and --force need a FILE; standard input is read only once");
    return options;
}

} // namespace dynakv::app
