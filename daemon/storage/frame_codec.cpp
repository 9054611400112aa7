// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/frame_codec.h"

#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "daemon/storage/planted_bugs.h"

#include <array>
#include <cstring>

namespace dynakv::storage {
namespace {

constexpr quint32 kFrameMagic = 0x464B5944; // "DYKF" in the file.
constexpr quint8 kOpMeta = 2;
constexpr qsizetype kHeaderCrcOffset = 44;
constexpr qsizetype kMetaOverheadMax = 16;
constexpr qsizetype kKeptBytesMax = qsizetype{8} << 20;

/// Binds a frame to its file, generation and place, so that neither a value that holds a frame's
/// bytes nor a frame of another file, age or offset can pass for one.
quint32 seedOf(quint32 fileSeed, qint64 offset)
{
    std::array<char, sizeof offset> place;
    qToLittleEndian(offset, place.data());
    return crc32c(QByteArrayView(place.data(), place.size()), fileSeed);
}

void encodeMeta(QByteArrayView name, QByteArrayView value, QByteArray &out)
{
    const qsizetype start = out.size();
    putLittleEndian(kOpMeta, out);
    putVarint(static_cast<quint64>(name.size()), out);
    putVarint(static_cast<quint64>(value.size()), out);
    out += name;
    out += value;
    putLittleEndian(crc32c(QByteArrayView(out).sliced(start)), out);
}

base::Result<void> takeMeta(QByteArrayView &in, const EntrySink &sink)
{
    const base::Error corrupt = {base::ErrorCode::Corrupt, "meta: damaged"};
    QByteArrayView rest = in.sliced(1);
    const auto nameBytes = takeLength(rest, kMetaNameBytesMax);
    const auto valueBytes = nameBytes ? takeLength(rest, kMetaValueBytesMax) : std::nullopt;
    if (!valueBytes || *nameBytes == 0 || rest.size() < *nameBytes + *valueBytes)
        return corrupt;
    const QByteArrayView checked = in.first(in.size() - rest.size() + *nameBytes + *valueBytes);
    QByteArrayView behind = in.sliced(checked.size());
    if (takeLittleEndian<quint32>(behind) != crc32c(checked))
        return corrupt;
    sink.meta(rest.first(*nameBytes), rest.sliced(*nameBytes, *valueBytes));
    in = behind;
    return {};
}

base::Result<void> takeEntry(QByteArrayView &in, const EntrySink &sink, RecordCheck check)
{
    if (in.isEmpty())
        return {base::ErrorCode::Corrupt, "fewer entries than announced"};
    const auto op = static_cast<quint8>(in[0]);
    if (op == kOpMeta)
        return takeMeta(in, sink);
    if (op > kOpMeta)
        return {base::ErrorCode::Unsupported, "an entry of a kind that a newer version writes"};
    const auto record = decodeRecordView(in, check);
    if (!record)
        return record.error();
    sink.record(*record);
    return {};
}

base::Result<void> checkRequest(const CommitRequest &request)
{
    for (const core::Record &record : request.records) {
        if (const auto checked = checkRecord(record); !checked)
            return checked;
    }
    for (const auto &[name, value] : request.metas) {
        if (name.isEmpty() || name.size() > kMetaNameBytesMax || value.size() > kMetaValueBytesMax)
            return {base::ErrorCode::Invalid, "meta: beyond the limits"};
    }
    return {};
}

bool isKnown(quint8 type)
{
    return type >= static_cast<quint8>(FrameType::Batch) &&
           type <= static_cast<quint8>(FrameType::Seal);
}

} // namespace

FrameChain chainAtStart(const FileIdentity &identity, quint64 generation)
{
    std::array<char, sizeof generation> number;
    qToLittleEndian(generation, number.data());
    const quint32 seed =
        crc32c(QByteArrayView(number.data(), number.size()), crc32c(identity.fileId));
    return {seed, kDataOffset, seed, 1};
}

qsizetype encodedSize(const CommitRequest &request)
{
    qsizetype bytes = 0;
    for (const core::Record &record : request.records)
        bytes += encodedSize(core::viewOf(record));
    for (const auto &[name, value] : request.metas)
        bytes += kMetaOverheadMax + name.size() + value.size();
    return bytes;
}

FrameBuilder::FrameBuilder(FrameType type, quint32 tag)
{
    clear(type, tag);
}

void FrameBuilder::clear(FrameType type, quint32 tag)
{
    // A rare large frame does not keep its memory for ever.
    if (m_bytes.capacity() > kKeptBytesMax)
        m_bytes = QByteArray();
    m_bytes.resize(kFrameHeaderBytes);
    m_type = type;
    m_tag = tag;
    m_entryCount = 0;
}

base::Result<void> FrameBuilder::add(const CommitRequest &request)
{
    if (const auto checked = checkRequest(request); !checked)
        return checked;
    if (encodedSize(request) > kFramePayloadBytesMax - kFrameAlignment - payloadBytes())
        return {base::ErrorCode::Invalid, "commit: larger than 64 MiB"};
    for (const core::Record &record : request.records)
        add(core::viewOf(record));
    for (const auto &[name, value] : request.metas)
        addMeta(name, value);
    return {};
}

void FrameBuilder::add(const core::RecordView &record)
{
    encodeRecord(record, m_bytes);
    ++m_entryCount;
}

void FrameBuilder::addMeta(QByteArrayView name, QByteArrayView value)
{
    encodeMeta(name, value, m_bytes);
    ++m_entryCount;
}

void FrameBuilder::addEncoded(QByteArrayView payload, quint32 entryCount)
{
    m_bytes += payload;
    m_entryCount += entryCount;
}

QByteArrayView FrameBuilder::seal(const FrameChain &chain, qint64 syncedOffset)
{
    while (m_bytes.size() % kFrameAlignment != 0)
        m_bytes.append('\0');
    const QByteArrayView payload = QByteArrayView(m_bytes).sliced(kFrameHeaderBytes);
    const quint32 seed = seedOf(chain.fileSeed, chain.offset);

    char *at = m_bytes.data();
    qToLittleEndian(kFrameMagic, at);
    qToLittleEndian(crc32c(payload, seed), at + 4);
    qToLittleEndian(static_cast<quint32>(payload.size()), at + 8);
    qToLittleEndian(quint32{static_cast<quint8>(m_type)}, at + 12); // type u8, zeros u24
    qToLittleEndian(m_entryCount, at + 16);
    qToLittleEndian(m_tag, at + 20);
    qToLittleEndian(chain.nextSeq, at + 24);
    qToLittleEndian(syncedOffset, at + 32);
    qToLittleEndian(chain.previousCrc, at + 40);
    qToLittleEndian(crc32c(QByteArrayView(at, kHeaderCrcOffset), seed), at + kHeaderCrcOffset);
    return m_bytes;
}

std::optional<FrameHeader> readFrameHeader(QByteArrayView bytes, quint32 fileSeed, qint64 offset)
{
    if (bytes.size() < kFrameHeaderBytes || qFromLittleEndian<quint32>(bytes.data()) != kFrameMagic)
        return std::nullopt;
    const char *at = bytes.data();
    const auto headerCrc = qFromLittleEndian<quint32>(at + kHeaderCrcOffset);
    const bool isIntact =
        crc32c(bytes.first(kHeaderCrcOffset), seedOf(fileSeed, offset)) == headerCrc;
    if (!isIntact && !isPlanted(PlantedBug::SkipChecksum))
        return std::nullopt;

    FrameHeader header;
    header.payloadCrc = qFromLittleEndian<quint32>(at + 4);
    header.payloadBytes = qFromLittleEndian<quint32>(at + 8);
    header.type = static_cast<quint8>(at[12]);
    header.entryCount = qFromLittleEndian<quint32>(at + 16);
    header.tag = qFromLittleEndian<quint32>(at + 20);
    header.firstSeq = qFromLittleEndian<quint64>(at + 24);
    header.syncedOffset = qFromLittleEndian<qint64>(at + 32);
    header.previousCrc = qFromLittleEndian<quint32>(at + 40);
    header.headerCrc = headerCrc;
    const bool isPlausible = header.payloadBytes <= kFramePayloadBytesMax &&
                             header.payloadBytes % kFrameAlignment == 0 &&
                             header.syncedOffset >= 0 && header.syncedOffset <= offset;
    if (!isPlausible)
        return std::nullopt;
    return header;
}

bool isPayloadIntact(const FrameHeader &header, QByteArrayView payload, quint32 fileSeed,
                     qint64 offset)
{
    if (isPlanted(PlantedBug::SkipChecksum))
        return true;
    return crc32c(payload, seedOf(fileSeed, offset)) == header.payloadCrc;
}

FrameChain chainBehind(const FrameHeader &header, const FrameChain &chain)
{
    return {chain.fileSeed, chain.offset + header.frameBytes(), header.headerCrc,
            header.firstSeq + header.entryCount};
}

base::Result<void> readEntries(const FrameHeader &header, QByteArrayView payload,
                               const EntrySink &sink, RecordCheck check)
{
    if (!isKnown(header.type))
        return {base::ErrorCode::Unsupported, "a frame of a kind that a newer version writes"};
    QByteArrayView rest = payload;
    for (quint32 i = 0; i < header.entryCount; ++i) {
        if (const auto taken = takeEntry(rest, sink, check); !taken)
            return taken;
    }
    if (rest.size() >= kFrameAlignment)
        return {base::ErrorCode::Corrupt, "more bytes than the entries announced"};
    return {};
}

quint32 salvageEntries(QByteArrayView payload, const EntrySink &sink)
{
    quint32 count = 0;
    QByteArrayView rest = payload;
    while (takeEntry(rest, sink, RecordCheck::Checksum))
        ++count;
    return count;
}

} // namespace dynakv::storage
