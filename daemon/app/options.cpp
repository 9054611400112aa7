// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/options.h"

#include "daemon/app/config_file.h"
#include "daemon/app/option_values.h"

#include <QCoreApplication>
#include <QFile>
#include <QProcessEnvironment>

#include <algorithm>

namespace dynakv::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using Settings = std::vector<Setting>;

Error invalid(const QByteArray &why)
{
    return {ErrorCode::Invalid, why};
}

QByteArray withSuggestion(const QByteArray &message, const QByteArray &name,
                          const QByteArray &before)
{
    const QByteArray nearest = nearestOptionName(name);
    return nearest.isEmpty() ? message : message + "; did you mean " + before + nearest + "?";
}

/// The command line, read once.
struct CommandLine
{
    Action action = Action::Run;
    Settings settings = {};
    std::vector<QByteArray> positionals = {};
    bool isJson = false;
};

/// Reads the option at \a index, and moves \a index on to its value where that stands apart.
Result<Setting> takeOption(const std::vector<QByteArray> &arguments, std::size_t &index)
{
    const QByteArray &argument = arguments[index];
    const qsizetype equals = argument.indexOf('=');
    const QByteArray name = argument.sliced(2, (equals < 0 ? argument.size() : equals) - 2);
    if (name == "listen" || name == "join")
        return invalid("--" + name +
                       ": addresses stand without an option: dynakvd LISTEN [JOIN...]");
    const OptionSpec *const spec = findOption(name);
    if (!spec)
        return invalid(withSuggestion("unknown option '--" + name + "'", name, "--") +
                       " (see dynakvd --help)");
    Setting setting{spec->id, {}, "--" + name};
    if (equals >= 0) {
        setting.value = argument.sliced(equals + 1);
    } else if (spec->isSwitch) {
        setting.value = "true";
    } else {
        const bool hasValue = index + 1 < arguments.size() && !arguments[index + 1].startsWith('-');
        if (!hasValue)
            return invalid(setting.origin + " needs a value (see dynakvd --help)");
        setting.value = arguments[++index];
    }
    return setting;
}

bool isTransfer(Action action)
{
    return action == Action::Export || action == Action::Import;
}

bool isOnFile(Action action)
{
    return action == Action::Verify || action == Action::Recover || action == Action::Restore ||
           action == Action::SetAside;
}

Result<CommandLine> readArguments(const std::vector<QByteArray> &arguments)
{
    CommandLine line;
    std::size_t index = 0;
    if (!arguments.empty()) {
        const QByteArray &verb = arguments.front();
        line.action = verb == "health"      ? Action::Health
                      : verb == "status"    ? Action::Status
                      : verb == "export"    ? Action::Export
                      : verb == "import"    ? Action::Import
                      : verb == "verify"    ? Action::Verify
                      : verb == "recover"   ? Action::Recover
                      : verb == "restore"   ? Action::Restore
                      : verb == "set-aside" ? Action::SetAside
                      : verb == "help"      ? Action::Help
                                            : Action::Run;
        index = line.action == Action::Run ? 0 : 1;
    }
    const bool isDaemon = line.action == Action::Run;
    const bool hasOwnOptions = isTransfer(line.action) || isOnFile(line.action);
    bool areOptionsOver = false;
    for (; index < arguments.size(); ++index) {
        const QByteArray &argument = arguments[index];
        if (areOptionsOver || !argument.startsWith('-') || argument == "-") {
            line.positionals.push_back(argument);
        } else if (argument == "--") {
            areOptionsOver = true;
            if (hasOwnOptions)
                line.positionals.push_back(argument);
        } else if (argument == "--help" || argument == "-h") {
            line.action = Action::Help;
            return line;
        } else if (argument == "--version") {
            line.action = Action::Version;
            return line;
        } else if (hasOwnOptions) {
            line.positionals.push_back(argument); // They have options of their own.
        } else if (argument == "--json" && line.action == Action::Status) {
            line.isJson = true;
        } else if (!argument.startsWith("--") || !isDaemon) {
            return invalid("unknown option '" + argument + "' (see dynakvd --help)");
        } else {
            auto setting = takeOption(arguments, index);
            if (!setting)
                return setting.error();
            line.settings.push_back(std::move(*setting));
        }
    }
    return line;
}

void addPositionals(CommandLine &line)
{
    for (std::size_t i = 0; i < line.positionals.size(); ++i) {
        const bool isListen = i == 0;
        line.settings.push_back({isListen ? OptionId::Listen : OptionId::Join, line.positionals[i],
                                 isListen ? "LISTEN" : "JOIN"});
    }
}

/// The variable that \a variable was probably meant to be; others of our prefix belong to scripts.
QByteArray nearestVariable(const QByteArray &variable)
{
    const QByteArray name = variable.sliced(sizeof("DYNAKV_") - 1).toLower().replace('_', '-');
    const OptionSpec *const nearest = findOption(nearestOptionName(name));
    return nearest ? environmentNameOf(*nearest) : QByteArray();
}

Settings readEnvironment(const std::map<QByteArray, QByteArray> &environment,
                         std::vector<QByteArray> &remarks)
{
    Settings settings;
    for (const auto &[variable, value] : environment) {
        // The short name is the one that people know; the regular one, if there, wins.
        const bool isShort = variable == "DYNAKV_LOG";
        if (value.isEmpty() || (isShort && environment.contains("DYNAKV_LOG_LEVEL")))
            continue;
        const auto table = optionTable();
        // Named anew, since clang 14 cannot capture a structured binding.
        const auto isMeant = [isShort, &name = variable](const OptionSpec &each) {
            return isShort ? each.id == OptionId::LogLevel : environmentNameOf(each) == name;
        };
        const auto spec = std::find_if(table.begin(), table.end(), isMeant);
        if (spec == table.end()) {
            if (const QByteArray meant = nearestVariable(variable); !meant.isEmpty())
                remarks.push_back("the environment variable " + variable +
                                  " is no option and was ignored; did you mean " + meant + "?");
        } else if (spec->isRepeatable) {
            QByteArray list = value;
            for (const QByteArray &entry : list.replace(',', ' ').simplified().split(' '))
                settings.push_back({spec->id, entry, variable});
        } else {
            settings.push_back({spec->id, value, variable});
        }
    }
    return settings;
}

Result<Settings> readConfig(const QByteArray &path, const Surroundings &surroundings)
{
    const auto text = surroundings.readFile(path);
    if (!text)
        return text.error();
    const auto entries = parseConfig(path, *text);
    if (!entries)
        return entries.error();
    Settings settings;
    std::map<QByteArray, int> lines;
    for (const ConfigEntry &entry : *entries) {
        const QByteArray place = path + ":" + QByteArray::number(entry.line) + ": ";
        const OptionSpec *const spec = findOption(entry.name);
        if (!spec || spec->id == OptionId::Config)
            return invalid(
                withSuggestion(place + "unknown name '" + entry.name + "'", entry.name, ""));
        const auto [first, isFirst] = lines.emplace(entry.name, entry.line);
        if (!isFirst && !spec->isRepeatable)
            return invalid(place + "'" + entry.name + "' is set already in line " +
                           QByteArray::number(first->second));
        settings.push_back({spec->id, entry.value, place + entry.name});
    }
    return settings;
}

bool names(const Settings &layer, OptionId id)
{
    return std::any_of(layer.begin(), layer.end(),
                       [&](const Setting &each) { return each.id == id; });
}

/// Applies every setting whose option no earlier layer names.
Result<void> applyLayers(const std::vector<Settings> &layers, Options &options)
{
    for (auto layer = layers.begin(); layer != layers.end(); ++layer) {
        for (const Setting &setting : *layer) {
            const bool isOverruled = std::any_of(layers.begin(), layer, [&](const Settings &each) {
                return names(each, setting.id);
            });
            if (isOverruled)
                continue;
            if (auto applied = applySetting(setting, options); !applied)
                return applied;
        }
    }
    return {};
}

Result<void> fillDefaults(Options &options)
{
    if (options.dataDir.isEmpty())
        options.dataDir = QStringLiteral("dynakv-%1").arg(options.listen.port);
    if (options.clusterPort == 0)
        options.clusterPort = base::defaultClusterPort(options.listen.port);
    if (options.clusterPort == options.listen.port)
        return invalid("--cluster-port: the API uses port " +
                       QByteArray::number(options.clusterPort) + " already; choose another");
    return {};
}

/// The node to ask: \a address from the command line, or where this machine's node listens.
Result<base::Endpoint> targetOf(const QByteArray &address, const Surroundings &surroundings)
{
    QByteArray origin = "ADDR";
    QByteArray text = "127.0.0.1";
    const auto &environment = surroundings.environment;
    if (!address.isEmpty()) {
        text = address;
    } else if (const auto found = environment.find("DYNAKV_LISTEN");
               found != environment.end() && !found->second.isEmpty()) {
        origin = found->first;
        text = found->second;
    }
    auto target = parseTarget(text);
    if (!target)
        return invalid(origin + ": " + target.error().message);
    return target;
}

Result<Options> queryOptions(const CommandLine &line, const Surroundings &surroundings)
{
    Options options;
    options.action = line.action;
    options.isJson = line.isJson;
    if (line.positionals.size() > 1)
        return invalid("one ADDR at most, for example dynakvd health 127.0.0.1:6660");
    if (!line.positionals.empty() && line.positionals.front().isEmpty())
        return invalid("ADDR: the value is empty");
    auto target =
        targetOf(line.positionals.empty() ? QByteArray() : line.positionals.front(), surroundings);
    if (!target)
        return target.error();
    options.target = std::move(*target);
    return options;
}

Result<Options> transferOptions(const CommandLine &line, const Surroundings &surroundings)
{
    Options options;
    options.action = line.action;
    auto transfer = line.action == Action::Export ? parseExport(line.positionals)
                                                  : parseImport(line.positionals);
    if (!transfer)
        return transfer.error();
    options.transfer = std::move(*transfer);
    auto target = targetOf(options.transfer.address, surroundings);
    if (!target)
        return target.error();
    options.target = std::move(*target);
    return options;
}

Result<Options> fileOptions(const CommandLine &line)
{
    Options options;
    options.action = line.action;
    auto file = line.action == Action::Verify    ? parseVerify(line.positionals)
                : line.action == Action::Recover ? parseRecover(line.positionals)
                : line.action == Action::Restore ? parseRestore(line.positionals)
                                                 : parseSetAside(line.positionals);
    if (!file)
        return file.error();
    options.file = std::move(*file);
    return options;
}

} // namespace

Surroundings realSurroundings()
{
    Surroundings surroundings;
    const QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const QString &name : environment.keys()) {
        if (name.startsWith(QLatin1String("DYNAKV_")))
            surroundings.environment.emplace(name.toUtf8(), environment.value(name).toUtf8());
    }
    surroundings.readFile = [](const QByteArray &path) -> Result<QByteArray> {
        QFile file(QString::fromUtf8(path));
        if (!file.open(QIODevice::ReadOnly))
            return {ErrorCode::NotFound, path + ": " + file.errorString().toUtf8()};
        return file.read(kConfigBytesMax + 1);
    };
    return surroundings;
}

std::vector<QByteArray> realArguments()
{
    // Qt's list, since it has them in Unicode on Windows too.
    std::vector<QByteArray> arguments;
    for (const QString &argument : QCoreApplication::arguments().mid(1))
        arguments.push_back(argument.toUtf8());
    return arguments;
}

Result<Options> parseOptions(const std::vector<QByteArray> &arguments,
                             const Surroundings &surroundings)
{
    auto line = readArguments(arguments);
    if (!line)
        return line.error();
    if (line->action == Action::Health || line->action == Action::Status)
        return queryOptions(*line, surroundings);
    if (isTransfer(line->action))
        return transferOptions(*line, surroundings);
    if (isOnFile(line->action))
        return fileOptions(*line);
    Options options;
    options.action = line->action;
    if (line->action != Action::Run)
        return options;

    addPositionals(*line);
    std::vector<Settings> layers{line->settings,
                                 readEnvironment(surroundings.environment, options.remarks)};
    for (const Settings &layer : layers) {
        const auto config = std::find_if(layer.rbegin(), layer.rend(), [](const Setting &each) {
            return each.id == OptionId::Config;
        });
        if (config == layer.rend())
            continue;
        auto settings = readConfig(config->value, surroundings);
        if (!settings)
            return settings.error();
        layers.push_back(std::move(*settings));
        break;
    }
    if (const auto applied = applyLayers(layers, options); !applied)
        return applied.error();
    if (options.listen.isEmpty()) {
        options.action = Action::NoListen;
        return options;
    }
    if (const auto filled = fillDefaults(options); !filled)
        return filled.error();
    return options;
}

} // namespace dynakv::app
