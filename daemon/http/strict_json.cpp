// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/strict_json.h"

#include "daemon/http/name_scopes.h"
#include "shared/base/api/key_text.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace dynakv::http {
namespace {

using rapidjson::SizeType;

/// Follows the events of RapidJSON's reader and keeps what the reader does not: which names each
/// open object has had, how deep we are, and where in the source each member's value stands.
class ObjectHandler
{
public:
    ObjectHandler(QByteArrayView source, const rapidjson::MemoryStream &stream)
        : m_source(source)
        , m_stream(stream)
    {
    }

    bool Null() { return scalar(); }
    bool Bool(bool) { return scalar(); }
    bool RawNumber(const char *, SizeType, bool) { return scalar(); }
    bool String(const char *text, SizeType length, bool)
    {
        return isSound(text, length) && scalar();
    }
    bool StartObject() { return open(); }
    bool EndObject(SizeType)
    {
        m_names.close();
        return close();
    }
    bool StartArray() { return m_names.depth() == 0 ? refuseOther() : open(); }
    bool EndArray(SizeType)
    {
        m_names.close();
        return close();
    }
    bool Key(const char *text, SizeType length, bool);

    // The reader asks for these by name only; numbers come as RawNumber.
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(int64_t) { return false; }
    bool Uint64(uint64_t) { return false; }
    bool Double(double) { return false; }

    [[nodiscard]] const char *fault() const { return m_fault; }
    [[nodiscard]] std::vector<JsonMember> take() { return std::move(m_members); }

private:
    bool refuseOther() { return refuse("it must be an object"); }
    bool refuse(const char *why)
    {
        m_fault = why;
        return false;
    }
    bool isSound(const char *text, SizeType length);
    [[nodiscard]] QByteArray nameFrom(const char *text, qsizetype length) const;
    bool open();
    bool close();
    bool scalar();
    /// A member of the outermost object has ended at the reader's place.
    void keepMember();

    QByteArrayView m_source;
    const rapidjson::MemoryStream &m_stream;
    NameScopes m_names = {}; ///< Of each open object; arrays have none.
    QByteArray m_name = {};  ///< Of the member that is open.
    qsizetype m_memberStart = 0;
    const char *m_fault = nullptr;
    std::vector<JsonMember> m_members = {};
};

/// The reader lets a low surrogate escape pass by itself; decoded, it is a byte sequence that
/// UTF-8 does not have. The source is known to be UTF-8, so that only escapes can make one.
bool ObjectHandler::isSound(const char *text, SizeType length)
{
    const char *at = text;
    const char *const end = text + length;
    while ((at = static_cast<const char *>(std::memchr(at, 0xED, static_cast<size_t>(end - at))))) {
        if (at + 1 < end && static_cast<unsigned char>(at[1]) >= 0xA0)
            return refuse("it has a surrogate escape without its partner");
        ++at;
    }
    return true;
}

bool ObjectHandler::open()
{
    // The object itself is one level more than its values.
    if (m_names.depth() > static_cast<std::size_t>(kJsonDepthMax))
        return refuse("it is nested more than 64 levels deep");
    m_names.open();
    return true;
}

bool ObjectHandler::close()
{
    if (m_names.depth() == 1)
        keepMember();
    return true;
}

bool ObjectHandler::scalar()
{
    if (m_names.depth() == 0)
        return refuseOther();
    if (m_names.depth() == 1)
        keepMember();
    return true;
}

/// A name that stands in the source as it is, between its quotes, needs no copy.
QByteArray ObjectHandler::nameFrom(const char *text, qsizetype length) const
{
    const qsizetype begin = static_cast<qsizetype>(m_stream.Tell()) - 1 - length;
    if (begin > 0 && m_source[begin - 1] == '"') {
        const char *verbatim = m_source.data() + begin;
        if (std::memcmp(verbatim, text, static_cast<std::size_t>(length)) == 0)
            return QByteArray::fromRawData(verbatim, length);
    }
    return {text, length};
}

bool ObjectHandler::Key(const char *text, SizeType length, bool)
{
    if (!isSound(text, length))
        return false;
    QByteArray name = nameFrom(text, static_cast<qsizetype>(length));
    if (!m_names.add(name))
        return refuse("an object has one member twice");
    if (m_names.depth() > 1)
        return true;
    m_name = std::move(name);
    // Only white space and the colon stand before the member's value; the reader checks them after
    // us.
    m_memberStart = static_cast<qsizetype>(m_stream.Tell());
    while (m_memberStart < m_source.size() &&
           QByteArrayView(" \t\r\n:").contains(m_source[m_memberStart]))
        ++m_memberStart;
    return true;
}

void ObjectHandler::keepMember()
{
    const qsizetype bytes = static_cast<qsizetype>(m_stream.Tell()) - m_memberStart;
    m_members.push_back({std::move(m_name), m_source.sliced(m_memberStart, bytes)});
}

/// Takes one string and nothing else.
struct StringHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, StringHandler>
{
    QByteArray text = {};

    bool Default() { return false; }
    bool String(const char *bytes, SizeType length, bool)
    {
        text = QByteArray(bytes, static_cast<qsizetype>(length));
        return true;
    }
};

/// Whether a byte stands for itself in a string of JSON.
bool isVerbatim(char c)
{
    return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
}

base::Error invalidBody(const QByteArray &why)
{
    return {base::ErrorCode::Invalid,
            "The body is not as it must be: " + why + R"(. Send {"value": <any JSON>}.)"};
}

} // namespace

base::Result<std::vector<JsonMember>> parseJsonObject(QByteArrayView text)
{
    const auto invalid = [](const QByteArray &why) {
        return base::Error{base::ErrorCode::Invalid, why};
    };
    if (text.isEmpty())
        return invalid("it is empty");
    if (!base::api::isUtf8(text))
        return invalid("it is not UTF-8");
    rapidjson::MemoryStream stream(text.data(), static_cast<size_t>(text.size()));
    ObjectHandler handler(text, stream);
    rapidjson::Reader reader;
    constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag;
    const rapidjson::ParseResult result = reader.Parse<flags>(stream, handler);
    if (handler.fault())
        return invalid(handler.fault());
    if (result.IsError()) {
        const QByteArray why = rapidjson::GetParseError_En(result.Code()); // A sentence.
        return invalid("at byte " + QByteArray::number(static_cast<qulonglong>(result.Offset())) +
                       " it is no JSON: " + why.chopped(1));
    }
    // The reader takes a NUL for the end of its input.
    if (stream.Tell() != static_cast<size_t>(text.size()))
        return invalid("it has a NUL byte");
    return handler.take();
}

std::optional<QByteArray> fromJsonString(QByteArrayView text)
{
    // Most have nothing to decode.
    if (text.size() >= 2 && text.startsWith('"') && text.endsWith('"')) {
        const QByteArrayView inner = text.sliced(1, text.size() - 2);
        if (std::all_of(inner.begin(), inner.end(), isVerbatim))
            return inner.toByteArray();
    }
    rapidjson::MemoryStream stream(text.data(), static_cast<size_t>(text.size()));
    StringHandler handler;
    rapidjson::Reader reader;
    if (reader.Parse(stream, handler).IsError())
        return std::nullopt;
    return std::move(handler.text);
}

base::Result<PutEnvelope> parsePutBody(const QByteArray &body)
{
    const auto members = parseJsonObject(body);
    if (!members)
        return invalidBody(members.error().message);
    PutEnvelope envelope;
    bool hasValue = false;
    for (const JsonMember &member : *members) {
        if (member.name == "value") {
            envelope.value = member.text.toByteArray();
            hasValue = true;
        } else if (member.name == "ttl") {
            const char first = member.text.front();
            if (first != '-' && (first < '0' || first > '9'))
                return invalidBody("its member 'ttl' must be a number of seconds");
            envelope.ttl = member.text.toByteArray();
        }
    }
    if (!hasValue)
        return invalidBody("its member 'value' is missing");
    return envelope;
}

QByteArray toJsonString(QByteArrayView text)
{
    static constexpr char digits[] = "0123456789abcdef";
    QByteArray json;
    json.reserve(text.size() + 2);
    json.append('"');
    while (!text.isEmpty()) {
        const auto end = std::find_if(text.begin(), text.end(),
                                      [](char c) { return !isVerbatim(c) || c == 0x7f; });
        json.append(text.first(end - text.begin()));
        text = text.sliced(end - text.begin());
        if (text.isEmpty())
            break;
        const auto u = static_cast<unsigned char>(text.front());
        if (u == '"' || u == '\\')
            json.append('\\').append(text.front());
        else
            json.append("\\u00").append(digits[u >> 4]).append(digits[u & 15]);
        text = text.sliced(1);
    }
    return json.append('"');
}

} // namespace dynakv::http
