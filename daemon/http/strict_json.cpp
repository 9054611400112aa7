// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/strict_json.h"

#include "shared/base/api/key_text.h"

#include <cstring>
#include <set>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace dynakv::http {
namespace {

using rapidjson::SizeType;

constexpr const char *kNoObject = "it must be an object with a member 'value'";
constexpr const char *kTtlNoNumber = "its member 'ttl' must be a number of seconds";

/// Follows the events of RapidJSON's reader and keeps what the reader does not: which names each
/// open object has had, how deep we are, and where in the source `value` begins and ends.
class EnvelopeHandler
{
public:
    EnvelopeHandler(const QByteArray &source, const rapidjson::MemoryStream &stream)
        : m_source(source)
        , m_stream(stream)
    {
    }

    bool Null() { return scalar(false); }
    bool Bool(bool) { return scalar(false); }
    bool RawNumber(const char *, SizeType, bool) { return scalar(true); }
    bool String(const char *text, SizeType length, bool)
    {
        return isSound(text, length) && scalar(false);
    }
    bool StartObject() { return open(); }
    bool EndObject(SizeType)
    {
        m_names.pop_back();
        return close();
    }
    bool StartArray() { return m_names.empty() ? refuse(kNoObject) : open(); }
    bool EndArray(SizeType)
    {
        m_names.pop_back();
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
    [[nodiscard]] bool hasValue() const { return m_hasValue; }
    [[nodiscard]] PutEnvelope take() { return std::move(m_envelope); }

private:
    enum class Member : quint8 { Other, Value, Ttl };

    bool refuse(const char *why)
    {
        m_fault = why;
        return false;
    }
    bool isSound(const char *text, SizeType length);
    bool open();
    bool close();
    bool scalar(bool isNumber);
    /// A member of the envelope has ended at the reader's place.
    void keepMember();

    const QByteArray &m_source;
    const rapidjson::MemoryStream &m_stream;
    std::vector<std::set<QByteArray>> m_names = {}; ///< One set per open object or array.
    Member m_member = Member::Other;
    qsizetype m_memberStart = 0;
    bool m_hasValue = false;
    const char *m_fault = nullptr;
    PutEnvelope m_envelope = {};
};

/// The reader lets a low surrogate escape pass by itself; decoded, it is a byte sequence that
/// UTF-8 does not have. The source is known to be UTF-8, so that only escapes can make one.
bool EnvelopeHandler::isSound(const char *text, SizeType length)
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

bool EnvelopeHandler::open()
{
    // The envelope itself is one level more than its values.
    if (m_names.size() > static_cast<std::size_t>(kJsonDepthMax))
        return refuse("it is nested more than 64 levels deep");
    m_names.emplace_back();
    return true;
}

bool EnvelopeHandler::close()
{
    if (m_names.size() == 1) {
        if (m_member == Member::Ttl)
            return refuse(kTtlNoNumber);
        keepMember();
    }
    return true;
}

bool EnvelopeHandler::scalar(bool isNumber)
{
    if (m_names.empty())
        return refuse(kNoObject);
    if (m_names.size() == 1) {
        if (m_member == Member::Ttl && !isNumber)
            return refuse(kTtlNoNumber);
        keepMember();
    }
    return true;
}

bool EnvelopeHandler::Key(const char *text, SizeType length, bool)
{
    if (!isSound(text, length))
        return false;
    const QByteArray name(text, static_cast<qsizetype>(length));
    if (!m_names.back().insert(name).second)
        return refuse("an object has one member twice");
    if (m_names.size() > 1)
        return true;
    m_member = name == "value" ? Member::Value : name == "ttl" ? Member::Ttl : Member::Other;
    // Only white space and the colon stand before the member's value; the reader checks them after
    // us.
    m_memberStart = static_cast<qsizetype>(m_stream.Tell());
    while (m_memberStart < m_source.size() &&
           QByteArrayView(" \t\r\n:").contains(m_source[m_memberStart]))
        ++m_memberStart;
    return true;
}

void EnvelopeHandler::keepMember()
{
    const qsizetype bytes = static_cast<qsizetype>(m_stream.Tell()) - m_memberStart;
    switch (m_member) {
    case Member::Value:
        m_envelope.value = m_source.sliced(m_memberStart, bytes);
        m_hasValue = true;
        break;
    case Member::Ttl:
        m_envelope.ttl = m_source.sliced(m_memberStart, bytes);
        break;
    case Member::Other:
        break;
    }
    m_member = Member::Other;
}

base::Error invalid(const QByteArray &why)
{
    return {base::ErrorCode::Invalid,
            "The body is not as it must be: " + why + R"(. Send {"value": <any JSON>}.)"};
}

} // namespace

base::Result<PutEnvelope> parsePutBody(const QByteArray &body)
{
    if (body.isEmpty())
        return invalid("it is empty");
    if (!base::api::isUtf8(body))
        return invalid("it is not UTF-8");
    rapidjson::MemoryStream stream(body.constData(), static_cast<size_t>(body.size()));
    EnvelopeHandler handler(body, stream);
    rapidjson::Reader reader;
    constexpr unsigned flags = rapidjson::kParseNumbersAsStringsFlag;
    const rapidjson::ParseResult result = reader.Parse<flags>(stream, handler);
    if (handler.fault())
        return invalid(handler.fault());
    if (result.IsError()) {
        return invalid("at byte " + QByteArray::number(static_cast<qulonglong>(result.Offset())) +
                       " it is no JSON: " + rapidjson::GetParseError_En(result.Code()));
    }
    // The reader takes a NUL for the end of its input.
    if (stream.Tell() != static_cast<size_t>(body.size()))
        return invalid("it has a NUL byte");
    if (!handler.hasValue())
        return invalid("its member 'value' is missing");
    return handler.take();
}

QByteArray toJsonString(QByteArrayView text)
{
    static constexpr char digits[] = "0123456789abcdef";
    QByteArray json;
    json.reserve(text.size() + 2);
    json.append('"');
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            json.append('\\').append(c);
        } else if (u < 0x20 || u == 0x7f) {
            json.append("\\u00").append(digits[u >> 4]).append(digits[u & 15]);
        } else {
            json.append(c);
        }
    }
    return json.append('"');
}

} // namespace dynakv::http
