// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/option_values.h"

#include <QHostAddress>

#include <algorithm>
#include <optional>

namespace dynakv::app {
namespace {

using base::Endpoint;
using base::Error;
using base::ErrorCode;
using base::Result;

Error invalid(const QByteArray &why)
{
    return {ErrorCode::Invalid, why};
}

/// Catches what people write in place of an address, where the general error would mislead.
std::optional<Error> commonMistake(const QByteArray &text)
{
    const QByteArray withoutColon = text.startsWith(':') ? text.sliced(1) : text;
    const bool isPortOnly = !withoutColon.isEmpty() && withoutColon.size() <= 5 &&
                            std::all_of(withoutColon.begin(), withoutColon.end(),
                                        [](char c) { return c >= '0' && c <= '9'; });
    if (isPortOnly) {
        return invalid("'" + text + "' names no host; write 127.0.0.1:" + withoutColon +
                       " to be reached from this machine only, or 0.0.0.0:" + withoutColon +
                       " to be reached from others");
    }
    if (text.contains("://"))
        return invalid("'" + text +
                       "' is a URL; write only its HOST:PORT, for example 127.0.0.1:6660");
    return std::nullopt;
}

/// IP literals in the one form that everybody uses, so that equal addresses compare equal.
QByteArray canonicalHost(const QByteArray &host)
{
    const bool isLiteral = host.contains(':') || host.count('.') == 3;
    const QHostAddress address(QString::fromLatin1(host));
    return isLiteral && !address.isNull() ? address.toString().toLatin1().toLower() : host;
}

Result<void> checkLiteral(const QByteArray &text, const QByteArray &host)
{
    if (host.contains(':') && QHostAddress(QString::fromLatin1(host)).isNull())
        return invalid("'" + text + "' is not an address: no IPv6 address stands in the brackets");
    return {};
}

Result<Endpoint> parseAddress(const QByteArray &text, quint16 defaultPort)
{
    if (const auto mistake = commonMistake(text))
        return *mistake;
    auto endpoint = base::parseEndpoint(text, defaultPort);
    if (!endpoint)
        return endpoint.error();
    if (const auto checked = checkLiteral(text, endpoint->host); !checked)
        return checked.error();
    endpoint->host = canonicalHost(endpoint->host);
    return endpoint;
}

Result<base::JoinTarget> parseJoin(const QByteArray &text)
{
    if (const auto mistake = commonMistake(text))
        return *mistake;
    auto target = base::parseJoinTarget(text);
    if (!target)
        return target.error();
    if (const auto checked = checkLiteral(text, target->api.host); !checked)
        return checked.error();
    target->api.host = canonicalHost(target->api.host);
    target->cluster.host = target->api.host;
    return target;
}

Result<Endpoint> parseAdvertise(const QByteArray &text)
{
    auto endpoint = parseAddress(text, 1);
    if (!endpoint)
        return endpoint;
    if (endpoint->isWildcard())
        return invalid("'" + text +
                       "' is no address that others could dial; name one of this machine's");
    // A port that follows the default was not in the text.
    const auto again = base::parseEndpoint(text, 2);
    if (!again || again->port != endpoint->port)
        endpoint->port = 0;
    return endpoint;
}

Result<quint16> parsePort(const QByteArray &text)
{
    bool isNumber = false;
    const uint port = text.toUInt(&isNumber);
    if (!isNumber || port < 1 || port > 65535)
        return invalid("'" + text + "' is not a port; use a number from 1 to 65535");
    return static_cast<quint16>(port);
}

Result<int> parseSlowMs(const QByteArray &text)
{
    constexpr int kSlowMsMax = 3'600'000;
    bool isNumber = false;
    const int ms = text.toInt(&isNumber);
    if (!isNumber || ms < 0 || ms > kSlowMsMax)
        return invalid("'" + text + "' is no number of milliseconds from 0 to 3600000");
    return ms;
}

Result<int> parsePurgeAfter(const QByteArray &text)
{
    constexpr int kSecondsMax = 30 * 24 * 3600;
    bool isNumber = false;
    const int seconds = text.toInt(&isNumber);
    if (!isNumber || seconds < 1 || seconds > kSecondsMax)
        return invalid("'" + text + "' is no number of seconds from 1 to 2592000");
    return seconds;
}

Result<int> parseCount(const QByteArray &text, int most)
{
    bool isNumber = false;
    const int count = text.toInt(&isNumber);
    if (!isNumber || count < 1 || count > most)
        return invalid("'" + text + "' is not a number from 1 to " + QByteArray::number(most));
    return count;
}

Result<qsizetype> parseValueBytes(const QByteArray &text)
{
    qsizetype unit = 1;
    QByteArray digits = text.toUpper();
    if (digits.endsWith('K') || digits.endsWith('M')) {
        unit = digits.endsWith('K') ? qsizetype{1} << 10 : qsizetype{1} << 20;
        digits.chop(1);
    }
    bool isNumber = false;
    const uint count = digits.toUInt(&isNumber);
    const bool isPlain =
        isNumber && !digits.isEmpty() && digits.front() >= '0' && digits.front() <= '9';
    if (!isPlain || count < 1 || count > base::limits::kValueBytesMax / unit)
        return invalid("'" + text +
                       "' is not a size from 1 to 16M; use bytes, or K or M behind the number");
    return static_cast<qsizetype>(count) * unit;
}

Result<MemoryLimit> parseMemory(const QByteArray &text)
{
    constexpr qint64 kBytesMin = qint64{1} << 20;
    constexpr qint64 kBytesMax = qint64{1} << 50;
    static constexpr QByteArrayView units("BKMGT");
    const auto wrong = [&text] {
        return invalid("'" + text +
                       "' is no amount of memory; use bytes, or K, M, G or T behind the number, at "
                       "least 1M, or a share such as 70%, from 1% to 100%");
    };
    QByteArray digits = text.toUpper();
    const bool isShare = digits.endsWith('%');
    const qsizetype unit = units.indexOf(digits.back());
    if (isShare || unit >= 0)
        digits.chop(1);
    const bool isPlain =
        !digits.isEmpty() && digits.size() <= 18 &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    const qint64 count = isPlain ? digits.toLongLong() : 0;
    if (isShare) {
        if (count < 1 || count > 100)
            return wrong();
        return MemoryLimit{0, static_cast<int>(count)};
    }
    const qint64 unitBytes = qint64{1} << (10 * std::max<qsizetype>(unit, 0));
    if (count > kBytesMax / unitBytes || count * unitBytes < kBytesMin)
        return wrong();
    return MemoryLimit{count * unitBytes, 0};
}

Result<bool> parseSwitch(const QByteArray &text)
{
    const QByteArray lower = text.toLower();
    if (lower == "true" || lower == "yes" || lower == "on" || lower == "1")
        return true;
    if (lower == "false" || lower == "no" || lower == "off" || lower == "0")
        return false;
    return invalid("'" + text + "' is neither true nor false");
}

Result<QByteArray> parseAllowedHost(const QByteArray &text)
{
    const auto first = base::parseEndpoint(text, 1);
    const auto second = base::parseEndpoint(text, 2);
    if (!first || !second || first->port == second->port)
        return invalid("'" + text +
                       "' is not a host name; write it without a port, which is not compared");
    return first->host;
}

/// Stores a parsed value, or hands its error on.
template <typename T, typename Field>
Result<void> store(Result<T> parsed, Field &field)
{
    if (!parsed)
        return parsed.error();
    field = std::move(*parsed);
    return {};
}

template <typename T>
Result<void> append(Result<T> parsed, std::vector<T> &list)
{
    constexpr std::size_t entriesMax = 64;
    if (!parsed)
        return parsed.error();
    if (list.size() >= entriesMax)
        return invalid("more than 64 of them");
    list.push_back(std::move(*parsed));
    return {};
}

Result<void> applyValue(const Setting &setting, Options &options)
{
    const QByteArray &text = setting.value;
    switch (setting.id) {
    case OptionId::Listen:
        return store(parseAddress(text, 0), options.listen);
    case OptionId::Join:
        return append(parseJoin(text), options.join);
    case OptionId::Config:
        return {}; // Was used to find the file.
    case OptionId::DataDir:
        options.dataDir = QString::fromUtf8(text);
        return {};
    case OptionId::ClusterPort:
        return store(parsePort(text), options.clusterPort);
    case OptionId::ClusterSecretFile:
        options.clusterSecretFile = QString::fromUtf8(text);
        return {};
    case OptionId::Advertise:
        return store(parseAdvertise(text), options.advertise);
    case OptionId::Durability:
        if (const auto durability = core::parseDurability(text)) {
            options.durability = *durability;
            return {};
        }
        return invalid("'" + text + "' is not a durability; use sync, interval, os or memory");
    case OptionId::LogLevel:
        return store(LogRules::parse(text), options.logRules);
    case OptionId::LogFormat:
        if (text != "text" && text != "json")
            return invalid("'" + text + "' is not a log format; use text or json");
        options.logFormat = text == "json" ? LogFormat::Json : LogFormat::Text;
        return {};
    case OptionId::SlowRequestMs:
        return store(parseSlowMs(text), options.slowRequestMs);
    case OptionId::PurgeAfterS:
        return store(parsePurgeAfter(text), options.purgeAfterS);
    case OptionId::HttpThreads:
        return store(parseCount(text, base::limits::kHttpThreadsMax), options.httpThreads);
    case OptionId::MaxConnections:
        return store(parseCount(text, base::limits::kConnectionsMax), options.connectionsMax);
    case OptionId::MaxMemory:
        return store(parseMemory(text), options.memoryMax);
    case OptionId::MaxValueBytes:
        return store(parseValueBytes(text), options.valueBytesMax);
    case OptionId::AllowedHost:
        return append(parseAllowedHost(text), options.allowedHosts);
    case OptionId::InsecureAllowRemote:
        return store(parseSwitch(text), options.allowsRemote);
    }
    return {};
}

} // namespace

Result<void> applySetting(const Setting &setting, Options &options)
{
    const auto applied = setting.value.isEmpty() ? Result<void>(invalid("the value is empty"))
                                                 : applyValue(setting, options);
    if (!applied)
        return {applied.error().code, setting.origin + ": " + applied.error().message};
    return {};
}

Result<Endpoint> parseTarget(const QByteArray &text)
{
    auto target = parseAddress(text, base::limits::kApiPortDefault);
    if (target && target->isWildcard())
        target->host = target->host.contains(':') ? "::1" : "127.0.0.1";
    return target;
}

} // namespace dynakv::app
