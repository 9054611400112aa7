// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/command_words.h"

#include <algorithm>

namespace dynakv::app {
namespace {

base::Error invalid(const QByteArray &why)
{
    return {base::ErrorCode::Invalid, why};
}

bool isOneOf(const QByteArray &name, std::initializer_list<const char *> names)
{
    return std::any_of(names.begin(), names.end(),
                       [&name](const char *each) { return name == each; });
}

} // namespace

QByteArray CommandWords::value(const char *name) const
{
    const auto it = options.find(name);
    return it == options.end() ? QByteArray() : it->second;
}

base::Result<CommandWords> CommandWords::sort(const std::vector<QByteArray> &arguments,
                                              std::initializer_list<const char *> switches,
                                              std::initializer_list<const char *> valued)
{
    CommandWords words;
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

} // namespace dynakv::app
