// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/batch_line.h"

#include "daemon/http/conditions.h"
#include "daemon/http/key_view.h"
#include "daemon/http/put_body.h"
#include "daemon/http/strict_json.h"
#include "shared/base/limits.h"

#include <array>

namespace dynakv::http {
namespace {

namespace limits = base::limits;

constexpr const char *kBytesType = "application/octet-stream";

/// The members that mean something, by their place in Members.
enum Name : quint8 { Op, Key, KeyB64, Value, ValueB64, ContentType, Ttl, IfMatch, IfNoneMatch };
constexpr std::array<QByteArrayView, 9> kNames{"op",    "key",       "key_b64",
                                               "value", "value_b64", "content_type",
                                               "ttl",   "if_match",  "if_none_match"};

/// The source text of each member, null where it is absent.
using Members = std::array<QByteArrayView, kNames.size()>;

class LineReader
{
public:
    explicit LineReader(qsizetype valueBytesMax)
        : m_valueBytesMax(valueBytesMax)
    {
    }

    BatchLine read(QByteArrayView text)
    {
        // The key first, so that an answer can name it whatever else is wrong.
        if (takeMembers(text) && takeKey() && takeOp() && takeConditions())
            takeRest();
        return std::move(m_line);
    }

private:
    bool takeMembers(QByteArrayView text);
    bool takeKey();
    bool takeOp();
    bool takeConditions();
    bool takeCondition(Name name, std::optional<core::VersionSet> &versions);
    bool takeRest();
    bool takeValue();

    [[nodiscard]] bool has(Name name) const { return !m_members[name].isNull(); }
    /// The string under \a name, from base64 where \a isBase64; nothing, and a fault, if it is
    /// none.
    std::optional<QByteArray> string(Name name, bool isBase64);
    bool refuse(int status, const char *code, const QByteArray &detail)
    {
        if (!m_line.fault)
            m_line.fault = LineFault{status, code, detail};
        return false;
    }

    qsizetype m_valueBytesMax;
    Members m_members = {};
    BatchLine m_line = {};
};

bool LineReader::takeMembers(QByteArrayView text)
{
    const auto members = parseJsonObject(text);
    if (!members)
        return refuse(400, "bad_json",
                      "The line is no JSON object as it must be: " + members.error().message + '.');
    bool areKnown = true;
    for (const JsonMember &member : *members) {
        std::size_t name = 0;
        while (name < kNames.size() && kNames[name] != member.name)
            ++name;
        if (name < kNames.size())
            m_members[name] = member.text;
        else
            areKnown = false;
    }
    if (areKnown)
        return true;
    refuse(400, "bad_line",
           "A member is none of op, key, key_b64, value, value_b64, content_type, "
           "ttl, if_match, if_none_match.");
    takeKey();
    return false;
}

std::optional<QByteArray> LineReader::string(Name name, bool isBase64)
{
    auto text = fromJsonString(m_members[name]);
    if (text && isBase64) {
        auto decoded =
            QByteArray::fromBase64Encoding(*text, QByteArray::AbortOnBase64DecodingErrors);
        if (decoded)
            return std::move(*decoded);
        text.reset();
    }
    if (!text)
        refuse(400, "bad_line",
               "The member '" + kNames[name].toByteArray() + "' must be " +
                   (isBase64 ? "base64 in a string." : "a string."));
    return text;
}

bool LineReader::takeKey()
{
    if (has(Key) == has(KeyB64))
        return refuse(400, "bad_key", "The line needs either 'key' or 'key_b64'.");
    auto key = string(has(Key) ? Key : KeyB64, has(KeyB64));
    if (!key)
        return false;
    if (key->isEmpty() || key->size() > limits::kKeyBytesMax)
        return refuse(400, "bad_key", "A key has 1 to 1024 bytes.");
    m_line.key = *std::move(key);
    return true;
}

bool LineReader::takeOp()
{
    const QByteArrayView op = m_members[Op];
    if (op == "\"put\"")
        m_line.op = BatchLine::Op::Put;
    else if (op == "\"get\"")
        m_line.op = BatchLine::Op::Get;
    else if (op == "\"delete\"")
        m_line.op = BatchLine::Op::Delete;
    else
        return refuse(400, "bad_line", "The member 'op' must be put, get or delete.");
    return true;
}

bool LineReader::takeConditions()
{
    if (m_line.op == BatchLine::Op::Get && (has(IfMatch) || has(IfNoneMatch)))
        return refuse(400, "bad_line", "A get has no condition here.");
    return takeCondition(IfMatch, m_line.condition.ifMatch) &&
           takeCondition(IfNoneMatch, m_line.condition.ifNoneMatch);
}

/// A version as every answer names it, or all that the header field takes.
bool LineReader::takeCondition(Name name, std::optional<core::VersionSet> &versions)
{
    if (!has(name))
        return true;
    const auto text = string(name, false);
    if (!text)
        return false;
    if (const auto version = core::parseVersion(*text)) {
        versions = core::VersionSet{false, {*version}};
        return true;
    }
    auto listed = versionsOf(*text, name == IfNoneMatch);
    if (!listed)
        return refuse(400, "bad_condition",
                      "'" + kNames[name].toByteArray() +
                          "' must be a version, * or a list of at "
                          "most 16 quoted versions.");
    versions = *std::move(listed);
    return true;
}

bool LineReader::takeRest()
{
    if (m_line.op == BatchLine::Op::Put)
        return takeValue();
    for (const Name name : {Value, ValueB64, ContentType, Ttl}) {
        if (has(name))
            return refuse(400, "bad_line",
                          "Only a put has a '" + kNames[name].toByteArray() + "'.");
    }
    return true;
}

bool LineReader::takeValue()
{
    if (has(Value) == has(ValueB64))
        return refuse(400, "bad_line", "A put needs either 'value' or 'value_b64'.");
    if (has(Value)) {
        if (has(ContentType))
            return refuse(400, "bad_line", "'content_type' goes with 'value_b64' only.");
        m_line.value = m_members[Value].toByteArray();
    } else {
        auto bytes = string(ValueB64, true);
        auto type = has(ContentType) ? string(ContentType, false) : QByteArray(kBytesType);
        if (!bytes || !type)
            return false;
        if (!isMediaType(*type))
            return refuse(400, "bad_type", "'content_type' is no media type.");
        m_line.value = *std::move(bytes);
        m_line.contentType = *std::move(type);
    }
    if (m_line.value.size() > m_valueBytesMax)
        return refuse(413, "too_large",
                      "A value has at most " + QByteArray::number(m_valueBytesMax) +
                          " bytes here; see --max-value-bytes.");
    if (!has(Ttl))
        return true;
    const auto ttlMs = ttlMsFrom(m_members[Ttl]);
    if (!ttlMs)
        return refuse(400, "bad_ttl", ttlMs.error().message);
    m_line.ttlMs = *ttlMs;
    return true;
}

} // namespace

BatchLine parseBatchLine(QByteArrayView text, qsizetype valueBytesMax)
{
    return LineReader(valueBytesMax).read(text);
}

} // namespace dynakv::http
