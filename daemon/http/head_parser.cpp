// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/head_parser.h"

#include "daemon/http/host_rule.h"

#include <array>
#include <optional>

namespace dynakv::http {
namespace {

constexpr qsizetype kMethodBytesMax = 32;
constexpr qsizetype kVersionBytes = 8;

constexpr Refusal kBareLineEnd{400, "bad_request",
                               "A line must end with CR LF, and neither may stand alone."};
constexpr Refusal kControl{400, "bad_request", "The head has a control character."};
constexpr Refusal kTargetTooLong{414, "target_too_long", "The request target is over 8 KiB."};
constexpr Refusal kHeadTooLarge{431, "head_too_large",
                                "The request head is over 16 KiB, or one field over 8 KiB."};
constexpr Refusal kTooManyFields{431, "head_too_large", "The request has over 100 fields."};

bool isTokenChar(char c)
{
    static constexpr auto table = [] {
        std::array<bool, 256> isTchar{};
        for (unsigned u = '0'; u <= '9'; ++u)
            isTchar[u] = true;
        for (unsigned u = 'a'; u <= 'z'; ++u)
            isTchar[u] = isTchar[u - 'a' + 'A'] = true;
        for (const char each :
             {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
            isTchar[static_cast<unsigned char>(each)] = true;
        return isTchar;
    }();
    return table[static_cast<unsigned char>(c)];
}

/// Field content: visible, space, tab and the upper half (obs-text).
bool isFieldChar(char c)
{
    const auto u = static_cast<unsigned char>(c);
    return (u >= 0x20 && u != 0x7f) || c == '\t';
}

std::optional<Method> methodFrom(QByteArrayView text)
{
    for (const Method each : {Method::Get, Method::Put, Method::Delete, Method::Head, Method::Post,
                              Method::Options, Method::Patch}) {
        if (text == toText(each))
            return each;
    }
    return std::nullopt;
}

/// The fields whose second appearance has no sound meaning.
bool isSingleton(QByteArrayView name)
{
    for (const char *each : {"content-type", "content-encoding", "expect", "origin",
                             "sec-fetch-site", "if-match", "x-request-id", "dynakv-at-least"}) {
        if (equalsIgnoringCase(name, each))
            return true;
    }
    return false;
}

/// One parse of one head: walks the lines, then judges the fields together.
class Parse
{
public:
    Parse(QByteArrayView bytes, const HeadLimits &limits)
        : m_bytes(bytes)
        , m_limits(limits)
    {
    }

    HeadResult run();

private:
    using Fault = std::optional<Refusal>;

    Fault requestLine(QByteArrayView line);
    Fault target(QByteArrayView text);
    Fault absoluteTarget(QByteArrayView text);
    Fault fieldLine(QByteArrayView line);
    Fault framing();
    Fault contentLength(QByteArrayView text);
    Fault transferEncoding(QByteArrayView text);
    Fault host();
    Fault connection();
    Fault expectation();
    [[nodiscard]] HeadResult incomplete(qsizetype lineStart, bool isFirstLine) const;
    [[nodiscard]] int count(QByteArrayView name) const;

    QByteArrayView m_bytes;
    const HeadLimits &m_limits;
    RequestHead m_head = {};
    QByteArrayView m_targetAuthority = {};
};

HeadResult Parse::run()
{
    // One empty line before a request is forgiven (RFC 9112, 2.2), as some clients send one.
    qsizetype at = m_bytes.startsWith("\r\n") ? 2 : 0;
    if (at == 0 && !m_bytes.isEmpty() && !isTokenChar(m_bytes.front()) && m_bytes != "\r")
        return Refusal{400, "bad_request", "This is no HTTP request: it starts with no method."};
    for (bool isFirstLine = true;; isFirstLine = false) {
        const qsizetype lineFeed = m_bytes.indexOf('\n', at);
        if (lineFeed < 0)
            return incomplete(at, isFirstLine);
        if (lineFeed == at || m_bytes[lineFeed - 1] != '\r')
            return kBareLineEnd;
        const QByteArrayView line = m_bytes.sliced(at, lineFeed - 1 - at);
        if (isFirstLine) {
            if (const Fault fault = requestLine(line))
                return *fault;
        }
        if (lineFeed + 1 > m_limits.headBytesMax)
            return kHeadTooLarge;
        at = lineFeed + 1;
        if (isFirstLine)
            continue;
        if (line.isEmpty())
            break;
        if (const Fault fault = fieldLine(line))
            return *fault;
    }
    m_head.size = at;
    for (const auto check :
         {&Parse::framing, &Parse::host, &Parse::connection, &Parse::expectation}) {
        if (const Fault fault = (this->*check)())
            return *fault;
    }
    return std::move(m_head);
}

HeadResult Parse::incomplete(qsizetype lineStart, bool isFirstLine) const
{
    const qsizetype lineBytes = m_bytes.size() - lineStart;
    if (isFirstLine && lineBytes > kMethodBytesMax + m_limits.targetBytesMax + kVersionBytes + 3)
        return kTargetTooLong;
    if (m_bytes.size() > m_limits.headBytesMax ||
        (!isFirstLine && lineBytes > m_limits.fieldBytesMax))
        return kHeadTooLarge;
    return NeedMore{};
}

Parse::Fault Parse::requestLine(QByteArrayView line)
{
    const qsizetype afterMethod = line.indexOf(' ');
    const qsizetype beforeVersion = line.lastIndexOf(' ');
    if (afterMethod <= 0 || beforeVersion <= afterMethod + 1)
        return Refusal{400, "bad_request",
                       "The request line must be: method, space, target, space, version."};
    const QByteArrayView method = line.first(afterMethod);
    const QByteArrayView version = line.sliced(beforeVersion + 1);
    const QByteArrayView targetText = line.sliced(afterMethod + 1, beforeVersion - afterMethod - 1);
    if (!isToken(method) || method.size() > kMethodBytesMax)
        return Refusal{400, "bad_request", "The method is no token."};
    if (targetText.size() > m_limits.targetBytesMax)
        return kTargetTooLong;
    const bool isVersion = version.size() == kVersionBytes && version.startsWith("HTTP/") &&
                           version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                           version[7] >= '0' && version[7] <= '9';
    if (!isVersion)
        return Refusal{400, "bad_request", "The version must read HTTP/1.1 or HTTP/1.0."};
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return Refusal{505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
    m_head.isHttp10 = version == "HTTP/1.0";
    const auto known = methodFrom(method);
    if (!known)
        return Refusal{501, "unknown_method", "The method is not one that this server knows."};
    m_head.method = *known;
    return target(targetText);
}

Parse::Fault Parse::target(QByteArrayView text)
{
    for (const char c : text) {
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return Refusal{400, "bad_target",
                           "The target has a character that must be percent-encoded."};
    }
    QByteArrayView local = text;
    if (text.front() != '/') {
        if (text == "*" && m_head.method == Method::Options) {
            m_head.path = text;
            return std::nullopt;
        }
        if (const Fault fault = absoluteTarget(text))
            return fault;
        local = text.sliced(text.indexOf("//") + 2 + m_targetAuthority.size());
    }
    const qsizetype mark = local.indexOf('?');
    m_head.path = mark < 0 ? local : local.first(mark);
    if (mark >= 0)
        m_head.query = local.sliced(mark + 1);
    if (m_head.path.isEmpty())
        m_head.path = "/";
    return std::nullopt;
}

Parse::Fault Parse::absoluteTarget(QByteArrayView text)
{
    constexpr Refusal fault{400, "bad_target",
                            "The target must be a path that starts with '/', or an http URL."};
    const qsizetype colon = text.indexOf("://");
    if (colon < 0)
        return fault;
    const QByteArrayView scheme = text.first(colon);
    if (!equalsIgnoringCase(scheme, "http") && !equalsIgnoringCase(scheme, "https"))
        return fault;
    const QByteArrayView rest = text.sliced(colon + 3);
    qsizetype end = 0;
    while (end < rest.size() && rest[end] != '/' && rest[end] != '?')
        ++end;
    m_targetAuthority = rest.first(end);
    if (!parseAuthority(m_targetAuthority))
        return fault;
    return std::nullopt;
}

Parse::Fault Parse::fieldLine(QByteArrayView line)
{
    if (line.size() > m_limits.fieldBytesMax)
        return kHeadTooLarge;
    if (line.front() == ' ' || line.front() == '\t')
        return Refusal{400, "bad_request", "A field may not be folded over two lines."};
    const qsizetype colon = line.indexOf(':');
    if (colon <= 0 || !isToken(line.first(colon)))
        return Refusal{400, "bad_request",
                       "A field must read name, colon, value: the name is a "
                       "token with no space before the colon."};
    const QByteArrayView value = trimmedWhiteSpace(line.sliced(colon + 1));
    for (const char c : value) {
        if (!isFieldChar(c))
            return c == '\r' ? kBareLineEnd : kControl;
    }
    if (m_head.fields.size() == static_cast<std::size_t>(m_limits.fieldsMax))
        return kTooManyFields;
    if (m_head.fields.empty())
        m_head.fields.reserve(16);
    const QByteArrayView name = line.first(colon);
    if (isSingleton(name) && !m_head.value(name).isNull())
        return Refusal{400, "bad_request", "A field that may stand only once stands twice."};
    m_head.fields.push_back({name, value});
    return std::nullopt;
}

int Parse::count(QByteArrayView name) const
{
    int found = 0;
    for (const HeadField &field : m_head.fields)
        found += equalsIgnoringCase(field.name, name) ? 1 : 0;
    return found;
}

Parse::Fault Parse::framing()
{
    const int lengths = count("content-length");
    const int encodings = count("transfer-encoding");
    if (lengths + encodings == 0)
        return std::nullopt;
    if (lengths + encodings > 1)
        return Refusal{400, "bad_framing",
                       "The length of the body must be told once: by one "
                       "Content-Length or one Transfer-Encoding."};
    if (lengths == 1)
        return contentLength(m_head.value("content-length"));
    return transferEncoding(m_head.value("transfer-encoding"));
}

Parse::Fault Parse::contentLength(QByteArrayView text)
{
    constexpr qsizetype digitsMax = 18; // Cannot overflow; the limit on bodies is far below.
    qint64 length = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return Refusal{400, "bad_framing", "Content-Length must be one decimal number."};
        if (text.size() <= digitsMax)
            length = length * 10 + (c - '0');
    }
    if (text.isEmpty())
        return Refusal{400, "bad_framing", "Content-Length is empty."};
    if (text.size() > digitsMax)
        return Refusal{413, "too_large", "The body is larger than anything that is taken here."};
    m_head.framing = BodyFraming::Length;
    m_head.contentLength = length;
    return std::nullopt;
}

Parse::Fault Parse::transferEncoding(QByteArrayView text)
{
    if (m_head.isHttp10)
        return Refusal{400, "bad_framing", "HTTP/1.0 knows no Transfer-Encoding."};
    if (equalsIgnoringCase(text, "chunked")) {
        m_head.framing = BodyFraming::Chunked;
        return std::nullopt;
    }
    // A list is told apart from an unknown coding only where it says something unsound: chunked
    // must be the last and only once (RFC 9112, 6.1).
    const qsizetype comma = text.lastIndexOf(',');
    const bool endsChunked =
        comma >= 0 && equalsIgnoringCase(trimmedWhiteSpace(text.sliced(comma + 1)), "chunked");
    const bool hasChunkedBefore =
        text.first(qMax(comma, 0)).toByteArray().toLower().contains("chunked");
    if (text.isEmpty() || hasChunkedBefore || (comma >= 0 && !endsChunked))
        return Refusal{400, "bad_framing", "Transfer-Encoding must be 'chunked'."};
    return Refusal{501, "unknown_coding", "Of transfer codings only 'chunked' is known here."};
}

Parse::Fault Parse::host()
{
    const int hosts = count("host");
    if (hosts > 1 || (hosts == 0 && !m_head.isHttp10))
        return Refusal{400, "bad_host", "A request carries exactly one Host."};
    const QByteArrayView host = m_head.value("host");
    if (hosts == 1 && !parseAuthority(host))
        return Refusal{400, "bad_host", "Host must be a name or an IP address, then maybe a port."};
    m_head.authority = m_targetAuthority.isEmpty() ? host : m_targetAuthority;
    if (hosts == 1 && m_head.authority.compare(host, Qt::CaseInsensitive) != 0)
        return Refusal{400, "bad_host", "Host and the target of the request name two hosts."};
    return std::nullopt;
}

Parse::Fault Parse::connection()
{
    bool hasClose = false;
    bool hasKeepAlive = false;
    for (const HeadField &field : m_head.fields) {
        if (!equalsIgnoringCase(field.name, "connection"))
            continue;
        QByteArrayView rest = field.value;
        while (!rest.isEmpty()) {
            const qsizetype comma = rest.indexOf(',');
            const QByteArrayView option = trimmedWhiteSpace(comma < 0 ? rest : rest.first(comma));
            hasClose = hasClose || equalsIgnoringCase(option, "close");
            hasKeepAlive = hasKeepAlive || equalsIgnoringCase(option, "keep-alive");
            rest = comma < 0 ? QByteArrayView() : rest.sliced(comma + 1);
        }
    }
    m_head.keepsAlive = !hasClose && (!m_head.isHttp10 || hasKeepAlive);
    return std::nullopt;
}

Parse::Fault Parse::expectation()
{
    const QByteArrayView expect = m_head.value("expect");
    if (expect.isNull())
        return std::nullopt;
    if (!equalsIgnoringCase(expect, "100-continue"))
        return Refusal{417, "bad_expectation", "Of expectations only 100-continue is known here."};
    m_head.expectsContinue = !m_head.isHttp10;
    return std::nullopt;
}

} // namespace

QByteArrayView RequestHead::value(QByteArrayView name) const
{
    for (const HeadField &field : fields) {
        if (field.name.size() == name.size() &&
            field.name.compare(name, Qt::CaseInsensitive) == 0) {
            // A null view means absent, so that an empty value must not be one.
            return field.value.isNull() ? QByteArrayView("") : field.value;
        }
    }
    return {};
}

HeadResult parseHead(QByteArrayView bytes, const HeadLimits &limits)
{
    return Parse(bytes, limits).run();
}

bool isFieldLine(QByteArrayView line)
{
    const qsizetype colon = line.indexOf(':');
    if (colon <= 0 || !isToken(line.first(colon)))
        return false;
    for (const char c : line.sliced(colon + 1)) {
        if (!isFieldChar(c))
            return false;
    }
    return true;
}

bool isToken(QByteArrayView text)
{
    for (const char c : text) {
        if (!isTokenChar(c))
            return false;
    }
    return !text.isEmpty();
}

bool equalsIgnoringCase(QByteArrayView name, QByteArrayView lowerCase)
{
    return name.size() == lowerCase.size() && name.compare(lowerCase, Qt::CaseInsensitive) == 0;
}

QByteArrayView trimmedWhiteSpace(QByteArrayView text)
{
    const auto isSpace = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.isEmpty() && isSpace(text.front()))
        text = text.sliced(1);
    while (!text.isEmpty() && isSpace(text.back()))
        text = text.chopped(1);
    return text;
}

} // namespace dynakv::http
