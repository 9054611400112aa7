// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/frame_codec.h"

#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "daemon/storage/planted_bugs.h"
#include "daemon/storage/record_codec.h"

namespace dynakv::storage {
namespace {

constexpr quint32 kFrameMagic = 0x464B5944; // "DYKF" in the file.
constexpr quint8 kTypeBatch = 1;
constexpr quint8 kOpMeta = 2;
constexpr qsizetype kHeaderCrcOffset = 44;
constexpr qsizetype kMetaOverheadMax = 16;

/// Binds a frame to its file and place, so that neither a value that holds a frame's bytes nor a
/// frame of another file or offset can pass for one.
quint32 seedOf(const QByteArray &fileId, qint64 offset)
{
    QByteArray place = fileId;
    putLittleEndian(offset, place);
    return crc32c(place);
}

void encodeMeta(const QByteArray &name, const QByteArray &value, QByteArray &out)
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
    sink.meta(rest.first(*nameBytes).toByteArray(),
              rest.sliced(*nameBytes, *valueBytes).toByteArray());
    in = behind;
    return {};
}

base::Result<void> takeEntry(QByteArrayView &in, const EntrySink &sink)
{
    if (in.isEmpty())
        return {base::ErrorCode::Corrupt, "fewer entries than announced"};
    const auto op = static_cast<quint8>(in[0]);
    if (op == kOpMeta)
        return takeMeta(in, sink);
    if (op > kOpMeta)
        return {base::ErrorCode::Unsupported, "an entry of a kind that a newer version writes"};
    auto record = decodeRecord(in);
    if (!record)
        return record.error();
    sink.record(*std::move(record));
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

} // namespace

qsizetype encodedSize(const CommitRequest &request)
{
    qsizetype bytes = 0;
    for (const core::Record &record : request.records)
        bytes += encodedSize(record);
    for (const auto &[name, value] : request.metas)
        bytes += kMetaOverheadMax + name.size() + value.size();
    return bytes;
}

FrameBuilder::FrameBuilder()
    : m_bytes(kFrameHeaderBytes, '\0')
{
}

base::Result<void> FrameBuilder::add(const CommitRequest &request)
{
    if (const auto checked = checkRequest(request); !checked)
        return checked;
    const qsizetype bytes = encodedSize(request);
    const qsizetype used = m_bytes.size() - kFrameHeaderBytes;
    if (bytes > kFramePayloadBytesMax - kFrameAlignment - used)
        return {base::ErrorCode::Invalid, "commit: larger than 64 MiB"};
    for (const core::Record &record : request.records)
        encodeRecord(record, m_bytes);
    for (const auto &[name, value] : request.metas)
        encodeMeta(name, value, m_bytes);
    m_entryCount += static_cast<quint32>(request.records.size() + request.metas.size());
    return {};
}

QByteArray FrameBuilder::seal(const FrameChain &chain, qint64 syncedOffset)
{
    while (m_bytes.size() % kFrameAlignment != 0)
        m_bytes.append('\0');
    const QByteArrayView payload = QByteArrayView(m_bytes).sliced(kFrameHeaderBytes);
    const quint32 seed = seedOf(chain.fileId, chain.offset);

    QByteArray header;
    header.reserve(kFrameHeaderBytes);
    putLittleEndian(kFrameMagic, header);
    putLittleEndian(crc32c(payload, seed), header);
    putLittleEndian(static_cast<quint32>(payload.size()), header);
    putLittleEndian(quint32{kTypeBatch}, header); // type u8, flags u8, reserved u16
    putLittleEndian(m_entryCount, header);
    putLittleEndian(quint32{0}, header); // reserved
    putLittleEndian(chain.nextSeq, header);
    putLittleEndian(syncedOffset, header);
    putLittleEndian(chain.previousCrc, header);
    putLittleEndian(crc32c(header, seed), header);
    m_bytes.replace(0, kFrameHeaderBytes, header);
    return std::move(m_bytes);
}

std::optional<FrameHeader> readFrameHeader(QByteArrayView bytes, const QByteArray &fileId,
                                           qint64 offset)
{
    if (bytes.size() < kFrameHeaderBytes || qFromLittleEndian<quint32>(bytes.data()) != kFrameMagic)
        return std::nullopt;
    const quint32 seed = seedOf(fileId, offset);
    const auto headerCrc = qFromLittleEndian<quint32>(bytes.data() + kHeaderCrcOffset);
    const bool isIntact = crc32c(bytes.first(kHeaderCrcOffset), seed) == headerCrc;
    if (!isIntact && !isPlanted(PlantedBug::SkipChecksum))
        return std::nullopt;

    const char *at = bytes.data();
    FrameHeader header;
    header.payloadCrc = qFromLittleEndian<quint32>(at + 4);
    header.payloadBytes = qFromLittleEndian<quint32>(at + 8);
    header.type = static_cast<quint8>(at[12]);
    header.entryCount = qFromLittleEndian<quint32>(at + 16);
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

bool isPayloadIntact(const FrameHeader &header, QByteArrayView payload, const QByteArray &fileId,
                     qint64 offset)
{
    if (isPlanted(PlantedBug::SkipChecksum))
        return true;
    return crc32c(payload, seedOf(fileId, offset)) == header.payloadCrc;
}

FrameChain chainBehind(const FrameHeader &header, const FrameChain &chain)
{
    return {chain.fileId, chain.offset + header.frameBytes(), header.headerCrc,
            header.firstSeq + header.entryCount};
}

base::Result<void> readEntries(const FrameHeader &header, QByteArrayView payload,
                               const EntrySink &sink)
{
    if (header.type != kTypeBatch)
        return {base::ErrorCode::Unsupported, "a frame of a kind that a newer version writes"};
    QByteArrayView rest = payload;
    for (quint32 i = 0; i < header.entryCount; ++i) {
        if (const auto taken = takeEntry(rest, sink); !taken)
            return taken;
    }
    if (rest.size() >= kFrameAlignment)
        return {base::ErrorCode::Corrupt, "more bytes than the entries announced"};
    return {};
}

} // namespace dynakv::storage
