// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/export_line.h"

#include "daemon/http/key_view.h"
#include "daemon/http/query.h"
#include "daemon/http/strict_json.h"
#include "shared/base/api/key_text.h"
#include "shared/base/api/timestamp.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

namespace dynakv::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using http::JsonMember;
namespace limits = base::limits;

constexpr qsizetype kVersionBytesMax = 64;
constexpr qsizetype kShaHexBytes = 64;

Error invalid(const QByteArray &why)
{
    return {ErrorCode::Invalid, why};
}

/// The members of one line, each asked for by name; the first fault stays.
class MemberReader
{
public:
    explicit MemberReader(const std::vector<JsonMember> &members)
        : m_members(members)
    {
    }

    [[nodiscard]] bool has(QByteArrayView name) const { return find(name) != nullptr; }
    QByteArray text(const char *name)
    {
        const JsonMember *const member = find(name);
        auto text = member ? http::fromJsonString(member->text) : std::nullopt;
        if (!text)
            fail(QByteArray("its member '") + name + "' is not a string");
        return std::move(text).value_or(QByteArray());
    }
    QByteArray bytes(const char *name)
    {
        auto decoded =
            QByteArray::fromBase64Encoding(text(name), QByteArray::AbortOnBase64DecodingErrors);
        if (!decoded)
            fail(QByteArray("its member '") + name + "' is not base64");
        return std::move(*decoded);
    }
    /// The bytes of `name`, or of `name_b64` where they are no text; exactly one of the two.
    QByteArray textOrBytes(const char *name, const char *base64Name)
    {
        if (has(name) == has(base64Name)) {
            fail(QByteArray("it needs exactly one of '") + name + "' and '" + base64Name + "'");
            return {};
        }
        return has(name) ? text(name) : bytes(base64Name);
    }
    qint64 timestamp(const char *name)
    {
        const auto time = base::api::timestampFromText(text(name));
        if (!time || *time < 0)
            fail(QByteArray("its member '") + name + "' is not an RFC 3339 timestamp");
        return time ? *time : 0;
    }
    qint64 number(const char *name)
    {
        const JsonMember *const member = find(name);
        const auto number = member ? http::decimalFrom(member->text) : std::nullopt;
        if (!number)
            fail(QByteArray("its member '") + name + "' is not a whole number");
        return number.value_or(0);
    }
    [[nodiscard]] QByteArrayView source(QByteArrayView name) const
    {
        const JsonMember *const member = find(name);
        return member ? member->text : QByteArrayView();
    }
    /// Something that we would drop is something that an import would lose.
    void allowOnly(std::initializer_list<const char *> known)
    {
        for (const JsonMember &member : m_members) {
            const bool isKnown = std::any_of(known.begin(), known.end(),
                                             [&](const char *name) { return member.name == name; });
            if (!isKnown)
                fail("its member '" + member.name.left(64).toPercentEncoding() + "' is not known");
        }
    }
    void fail(const QByteArray &why)
    {
        if (m_fault.isEmpty())
            m_fault = why;
    }
    [[nodiscard]] bool ok() const { return m_fault.isEmpty(); }
    [[nodiscard]] Error error() const { return invalid(m_fault); }

private:
    [[nodiscard]] const JsonMember *find(QByteArrayView name) const
    {
        const auto it = std::find_if(m_members.begin(), m_members.end(),
                                     [name](const JsonMember &each) { return each.name == name; });
        return it == m_members.end() ? nullptr : &*it;
    }

    const std::vector<JsonMember> &m_members;
    QByteArray m_fault = {};
};

bool isJsonText(const QByteArray &text)
{
    const auto envelope = http::parsePutBody("{\"value\":" + text + '}');
    return envelope && envelope->value == text;
}

Result<ExportLine> readHeader(MemberReader &reader)
{
    const qint64 form = reader.number("dynakv_export");
    if (reader.ok() && form != 1)
        return {ErrorCode::Unsupported, "it is of version " + QByteArray::number(form) +
                                            " of the format, which this program does not know"};
    ExportHeader header;
    header.clusterId = reader.text("cluster_id");
    header.nodeId = reader.text("node");
    header.prefix = reader.textOrBytes("prefix", "prefix_b64");
    header.startedMs = reader.timestamp("started");
    reader.allowOnly({"dynakv_export", "cluster_id", "node", "prefix", "prefix_b64", "started"});
    if (header.prefix.size() > limits::kKeyBytesMax)
        reader.fail("its prefix has more than 1024 bytes");
    if (!reader.ok())
        return reader.error();
    return ExportLine(std::move(header));
}

Result<ExportLine> readTrailer(MemberReader &reader)
{
    ExportTrailer trailer;
    trailer.count = reader.number("count");
    trailer.sha256 = reader.text("sha256");
    reader.allowOnly({"count", "sha256"});
    const bool isHex = std::all_of(trailer.sha256.begin(), trailer.sha256.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (trailer.sha256.size() != kShaHexBytes || !isHex)
        reader.fail("its member 'sha256' is not 64 hexadecimal digits");
    if (!reader.ok())
        return reader.error();
    return ExportLine(std::move(trailer));
}

void readValue(MemberReader &reader, ExportRecord &record)
{
    if (reader.has("content_type")) {
        record.contentType = reader.text("content_type");
        if (!http::isMediaType(record.contentType))
            reader.fail("its member 'content_type' is no media type");
    }
    if (reader.has("value") == reader.has("value_b64")) {
        reader.fail("it needs exactly one of 'value' and 'value_b64'");
    } else if (reader.has("value")) {
        record.value = reader.source("value").toByteArray();
        if (reader.has("content_type"))
            reader.fail("a value with a 'content_type' stands in 'value_b64'");
    } else {
        record.value = reader.bytes("value_b64");
        if (!reader.has("content_type") && !isJsonText(record.value))
            reader.fail("its 'value_b64' has no 'content_type' and is no JSON text");
    }
    if (record.value.size() > limits::kValueBytesMax)
        reader.fail("its value has more than " + QByteArray::number(limits::kValueBytesMax) +
                    " bytes");
}

Result<ExportLine> readRecord(MemberReader &reader)
{
    ExportRecord record;
    record.key = reader.textOrBytes("key", "key_b64");
    readValue(reader, record);
    record.version = reader.text("version");
    record.updatedAtMs = reader.timestamp("updated_at");
    if (reader.has("expires_at"))
        record.expiresAtMs = reader.timestamp("expires_at");
    reader.allowOnly({"key", "key_b64", "value", "value_b64", "content_type", "version",
                      "updated_at", "expires_at"});
    if (record.key.isEmpty() || record.key.size() > limits::kKeyBytesMax)
        reader.fail("a key has 1 to 1024 bytes");
    if (record.version.isEmpty() || record.version.size() > kVersionBytesMax)
        reader.fail("a version has 1 to 64 bytes");
    if (!reader.ok())
        return reader.error();
    return ExportLine(std::move(record));
}

/// `"name":"text"`, or `"name_b64":"..."` where the bytes are no text. A byte order mark is none,
/// since readers tend to drop it.
QByteArray textOrBase64(const QByteArray &name, const QByteArray &bytes)
{
    if (base::api::isUtf8(bytes) && !bytes.startsWith("\xEF\xBB\xBF"))
        return '"' + name + "\":" + http::toJsonString(bytes);
    return '"' + name + "_b64\":\"" + bytes.toBase64() + '"';
}

QByteArray timeMember(const char *name, qint64 unixMs)
{
    return QByteArray(",\"") + name + "\":\"" + base::api::toTimestamp(unixMs) + '"';
}

QByteArray textOf(const ExportHeader &header)
{
    return "{\"dynakv_export\":1,\"cluster_id\":" + http::toJsonString(header.clusterId) +
           ",\"node\":" + http::toJsonString(header.nodeId) + ',' +
           textOrBase64("prefix", header.prefix) + timeMember("started", header.startedMs) + "}\n";
}

QByteArray textOf(const ExportRecord &record)
{
    QByteArray line;
    line.reserve(record.value.size() + record.key.size() + 160);
    line.append('{').append(textOrBase64("key", record.key));
    const bool isJson = record.contentType.isEmpty();
    if (isJson && !record.value.contains('\n') && !record.value.contains('\r'))
        line.append(",\"value\":").append(record.value);
    else
        line.append(",\"value_b64\":\"").append(record.value.toBase64()).append('"');
    if (!isJson)
        line.append(",\"content_type\":").append(http::toJsonString(record.contentType));
    line.append(",\"version\":").append(http::toJsonString(record.version));
    line.append(timeMember("updated_at", record.updatedAtMs));
    if (record.expiresAtMs)
        line.append(timeMember("expires_at", *record.expiresAtMs));
    return line.append("}\n");
}

QByteArray textOf(const ExportTrailer &trailer)
{
    return "{\"count\":" + QByteArray::number(trailer.count) + ",\"sha256\":\"" + trailer.sha256 +
           "\"}\n";
}

} // namespace

QByteArray toLine(const ExportLine &line)
{
    return std::visit([](const auto &each) { return textOf(each); }, line);
}

Result<ExportLine> parseExportLine(QByteArrayView line)
{
    if (line.size() > kExportLineBytesMax)
        return invalid("it has more than " + QByteArray::number(kExportLineBytesMax) + " bytes");
    const auto members = http::parseJsonObject(line);
    if (!members)
        return invalid(members.error().message);
    MemberReader reader(*members);
    if (reader.has("dynakv_export"))
        return readHeader(reader);
    if (reader.has("sha256"))
        return readTrailer(reader);
    return readRecord(reader);
}

} // namespace dynakv::app
