// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/cbor_fields.h"

#include "shared/base/limits.h"

#include <algorithm>

namespace dynakv::cluster::cbor {
namespace {

constexpr quint64 kMapEntriesMax = 64;
constexpr qsizetype kHostBytesMax = 253;
/// Members that left are remembered too.
constexpr quint64 kMemberRecordsMax = 4 * base::limits::kMembersMax;
/// Of values under keys that this version does not know.
constexpr int kUnknownDepthMax = 16;

Fault advance(Input &in)
{
    return in.reader().next() ? nullptr : "the CBOR is damaged";
}

} // namespace

Output::Output(QByteArray &bytes)
    : m_buffer(&bytes)
{
    m_buffer.open(QIODevice::WriteOnly | QIODevice::Append | QIODevice::Unbuffered);
    m_writer.setDevice(&m_buffer);
}

Fault takeUnsigned(Input &in, quint64 max, quint64 &number)
{
    if (!in.reader().isUnsignedInteger())
        return "not an unsigned number";
    const quint64 value = in.reader().toUnsignedInteger();
    if (value > max)
        return "a number is out of range";
    number = value;
    return advance(in);
}

Fault take(Input &in, qint64 &number)
{
    if (!in.reader().isInteger())
        return "not a number";
    constexpr auto kMax = quint64(std::numeric_limits<qint64>::max());
    if (in.reader().isUnsignedInteger()) {
        if (in.reader().toUnsignedInteger() > kMax)
            return "a number is out of range";
        number = qint64(in.reader().toUnsignedInteger());
        return advance(in);
    }
    // A CBOR negative number is -1 - n; Qt gives n + 1, which wraps to 0 for the lowest one.
    const quint64 above = quint64(in.reader().toNegativeInteger()) - 1;
    if (above > kMax)
        return "a number is out of range";
    number = -1 - qint64(above);
    return advance(in);
}

Fault take(Input &in, bool &flag)
{
    if (!in.reader().isBool())
        return "not a truth value";
    flag = in.reader().toBool();
    return advance(in);
}

Fault takeBytes(Input &in, qsizetype max, QByteArray &bytes)
{
    QCborStreamReader &reader = in.reader();
    if (!reader.isByteArray() || !reader.isLengthKnown())
        return "not a byte string";
    const quint64 length = reader.length();
    if (length > quint64(max))
        return "a byte string is too long";
    if (length > quint64(std::max<qint64>(in.bytesLeft(), 0)))
        return "the CBOR is cut short";
    bytes.resize(qsizetype(length));
    qsizetype filled = 0;
    for (;;) {
        const auto chunk = reader.readStringChunk(bytes.data() + filled, bytes.size() - filled);
        if (chunk.status == QCborStreamReader::Error)
            return "the CBOR is damaged";
        if (chunk.status == QCborStreamReader::EndOfString)
            break;
        filled += chunk.data;
    }
    return filled == bytes.size() ? nullptr : "the CBOR is cut short";
}

Fault take(Input &in, Text<QByteArray> text)
{
    if (const Fault fault = takeBytes(in, text.max, text.bytes))
        return fault;
    const bool isPlain = std::all_of(text.bytes.cbegin(), text.bytes.cend(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    });
    return isPlain ? nullptr : "a text has a control character";
}

Fault take(Input &in, Host<QByteArray> host)
{
    if (const Fault fault = takeBytes(in, kHostBytesMax, host.bytes))
        return fault;
    if (host.bytes.isEmpty())
        return nullptr;
    const base::Endpoint endpoint{host.bytes, 1};
    return base::parseEndpoint(endpoint.toString()).ok() ? nullptr : "not a host";
}

Fault take(Input &in, Key<QByteArray> key)
{
    if (const Fault fault = takeBytes(in, base::limits::kKeyBytesMax, key.bytes))
        return fault;
    return key.bytes.isEmpty() && !key.mayBeEmpty ? "a key is empty" : nullptr;
}

Fault enterArray(Input &in, quint64 max, quint64 &count)
{
    QCborStreamReader &reader = in.reader();
    if (!reader.isArray() || !reader.isLengthKnown())
        return "not an array";
    count = reader.length();
    if (count > max)
        return "an array is too long";
    // Each element takes a byte at least.
    if (count > quint64(std::max<qint64>(in.bytesLeft(), 0)))
        return "the CBOR is cut short";
    return reader.enterContainer() ? nullptr : "the CBOR is damaged";
}

Fault leaveContainer(Input &in)
{
    // Reading stops at an error as well as at the end, so the end must be asked for.
    if (in.reader().lastError() != QCborError::NoError || !in.reader().leaveContainer())
        return "the CBOR is damaged";
    return nullptr;
}

Fault enterMap(Input &in)
{
    QCborStreamReader &reader = in.reader();
    if (!reader.isMap() || !reader.isLengthKnown())
        return "not a map";
    if (reader.length() > kMapEntriesMax)
        return "a map is too long";
    return reader.enterContainer() ? nullptr : "the CBOR is damaged";
}

Fault takeMapKey(Input &in, quint64 &key)
{
    return takeUnsigned(in, std::numeric_limits<quint64>::max(), key)
               ? "a map's key is not a number"
               : nullptr;
}

Fault skipValue(Input &in)
{
    if (!in.reader().hasNext())
        return "the CBOR is cut short";
    return in.reader().next(kUnknownDepthMax) ? nullptr : "the CBOR is damaged";
}

void put(Output &out, const std::vector<core::MemberRecord> &members)
{
    out.writer().startArray(members.size());
    for (const core::MemberRecord &member : members)
        writeMap(out, member);
    out.writer().endArray();
}

Fault take(Input &in, std::vector<core::MemberRecord> &members)
{
    quint64 count = 0;
    if (const Fault fault = enterArray(in, kMemberRecordsMax, count))
        return fault;
    members.clear();
    members.reserve(std::min<quint64>(count, quint64(base::limits::kMembersMax)));
    for (quint64 i = 0; i < count; ++i) {
        if (const Fault fault = readMap(in, members.emplace_back()))
            return fault;
    }
    return leaveContainer(in);
}

} // namespace dynakv::cluster::cbor
