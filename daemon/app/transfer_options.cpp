// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/transfer_options.h"

#include "shared/base/limits.h"

#include <algorithm>
#include <initializer_list>
#include <map>

namespace dynakv::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Error invalid(const QByteArray &why)
{
    return {ErrorCode::Invalid, why};
}

/// What stands on a command line, sorted.
struct Words
{
    std::map<QByteArray, QByteArray> options = {}; ///< A switch has an empty value.
    std::vector<QByteArray> others = {};

    [[nodiscard]] bool has(const char *name) const { return options.contains(name); }
    [[nodiscard]] QByteArray value(const char *name) const
    {
        const auto it = options.find(name);
        return it == options.end() ? QByteArray() : it->second;
    }
};

bool isOneOf(const QByteArray &name, std::initializer_list<const char *> names)
{
    return std::any_of(names.begin(), names.end(),
                       [&name](const char *each) { return name == each; });
}

Result<Words> sorted(const std::vector<QByteArray> &arguments,
                     std::initializer_list<const char *> switches,
                     std::initializer_list<const char *> valued)
{
    Words words;
    bool areOptionsOver = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const QByteArray &argument = arguments[i];
        if (argument.isEmpty())
            return invalid("an argument is empty; is a variable of a script not set?");
        if (areOptionsOver || !argument.startsWith('-') || argument == "-") {
            words.others.push_back(argument);
            continue;
        }
        if (argument == "--") {
            areOptionsOver = true;
            continue;
        }
        const qsizetype equals = argument.indexOf('=');
        const QByteArray name = equals < 0 ? argument : argument.first(equals);
        const bool takesValue = isOneOf(name, valued);
        if (!takesValue && !isOneOf(argument, switches))
            return invalid("unknown option '" + argument + "' (see dynakvd --help)");
        if (words.options.contains(name))
            return invalid(name + " stands twice");
        QByteArray value;
        if (takesValue && equals >= 0) {
            value = argument.sliced(equals + 1);
        } else if (takesValue) {
            if (i + 1 == arguments.size() || arguments[i + 1].startsWith("--"))
                return invalid(name + " needs a value (see dynakvd --help)");
            value = arguments[++i];
        }
        if (takesValue && value.isEmpty())
            return invalid(name + ": the value is empty");
        words.options.emplace(name, value);
    }
    return words;
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
    const auto words = sorted(arguments, {"--resume", "--progress"}, {"--prefix", "--output"});
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
    const auto words = sorted(
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
