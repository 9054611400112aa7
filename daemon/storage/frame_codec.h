// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/record_codec.h"
#include "daemon/storage/superblock.h"
#include "shared/base/result.h"

#include <QByteArray>
#include <QByteArrayView>

#include <functional>
#include <optional>

/// The frames of storage.db: written in one piece, chained to the frame before it and bound to its
/// file, generation and offset (docs/formats/storage_db.md).
namespace dynakv::storage {

inline constexpr qsizetype kFrameHeaderBytes = 48;
inline constexpr qsizetype kFrameAlignment = 8;
inline constexpr qsizetype kFramePayloadBytesMax = qsizetype{64} << 20;
inline constexpr qsizetype kMetaNameBytesMax = 255;
inline constexpr qsizetype kMetaValueBytesMax = qsizetype{8} << 20;

enum class FrameType : quint8 {
    Batch = 1, ///< The log: one group commit.
    Base = 2,  ///< Records of one partition in key order, or metas.
    Index = 3, ///< Ends the base section and says where its partitions are.
    Mark = 4,  ///< Empty; proves by its synced offset that all before it was safe.
    Seal = 5,  ///< A mark written by a clean stop.
};

/// The tag of the base frame that holds metas; of the others it is the partition.
inline constexpr quint32 kMetaFrameTag = 0xFFFF;

/// What the next frame of a file continues.
struct FrameChain
{
    quint32 fileSeed = 0;    ///< CRC of file id and generation: begins each checksum.
    qint64 offset = 0;       ///< Where it stands.
    quint32 previousCrc = 0; ///< The header CRC of the frame before it, or the file seed.
    quint64 nextSeq = 1;     ///< Number of its first entry.
    bool operator==(const FrameChain &) const = default;
};
/// In front of the first frame of a file.
FrameChain chainAtStart(const FileIdentity &identity, quint64 generation);

struct FrameHeader
{
    quint8 type = 0;            ///< A FrameType, or one that a newer version writes.
    qsizetype payloadBytes = 0; ///< Padding included.
    quint32 payloadCrc = 0;
    quint32 entryCount = 0;
    quint32 tag = 0; ///< Of a base frame.
    quint64 firstSeq = 0;
    qint64 syncedOffset = 0; ///< All below was on the disk before this frame was written.
    quint32 previousCrc = 0;
    quint32 headerCrc = 0;

    [[nodiscard]] bool is(FrameType wanted) const { return type == static_cast<quint8>(wanted); }
    [[nodiscard]] qint64 frameBytes() const { return kFrameHeaderBytes + payloadBytes; }
    [[nodiscard]] bool continues(const FrameChain &chain) const
    {
        return previousCrc == chain.previousCrc && firstSeq == chain.nextSeq;
    }
};

/// Collects the entries of one frame.
class FrameBuilder
{
public:
    explicit FrameBuilder(FrameType type = FrameType::Batch, quint32 tag = 0);

    /// All of the request, or nothing of it and the reason: beyond a limit, or no room left.
    base::Result<void> add(const CommitRequest &request);
    /// For those who checked it already.
    void add(const core::RecordView &record);
    void addMeta(QByteArrayView name, QByteArrayView value);
    /// Entries in their encoding, as another frame holds them.
    void addEncoded(QByteArrayView payload, quint32 entryCount);
    [[nodiscard]] bool isEmpty() const { return m_entryCount == 0; }
    [[nodiscard]] quint32 entryCount() const { return m_entryCount; }
    [[nodiscard]] quint32 tag() const { return m_tag; }
    /// Without the padding.
    [[nodiscard]] qsizetype payloadBytes() const { return m_bytes.size() - kFrameHeaderBytes; }
    /// The whole frame, valid until clear(). \a syncedOffset: what is known to be on the disk.
    QByteArrayView seal(const FrameChain &chain, qint64 syncedOffset);
    /// Begins another frame in the same memory.
    void clear(FrameType type, quint32 tag = 0);

private:
    QByteArray m_bytes;
    FrameType m_type = FrameType::Batch;
    quint32 m_tag = 0;
    quint32 m_entryCount = 0;
};

/// How much of a frame a request takes.
qsizetype encodedSize(const CommitRequest &request);

/// The header of the frame at \a offset of the file, if intact bytes of one stand there.
std::optional<FrameHeader> readFrameHeader(QByteArrayView bytes, quint32 fileSeed, qint64 offset);
bool isPayloadIntact(const FrameHeader &header, QByteArrayView payload, quint32 fileSeed,
                     qint64 offset);
/// The chain as it goes on behind the frame.
FrameChain chainBehind(const FrameHeader &header, const FrameChain &chain);

/// Where the entries of a frame go. A record's views last as long as the payload.
struct EntrySink
{
    std::function<void(const core::RecordView &)> record;
    std::function<void(QByteArrayView name, QByteArrayView value)> meta;
};
/// The entries of an intact frame, which vouches for the checksums of its records. Corrupt or
/// Unsupported if they are not what this program writes.
base::Result<void> readEntries(const FrameHeader &header, QByteArrayView payload,
                               const EntrySink &sink, RecordCheck check = RecordCheck::FormOnly);
/// What entries can still be found in the payload of a damaged frame: those from the front whose
/// own checksums hold. How many.
quint32 salvageEntries(QByteArrayView payload, const EntrySink &sink);

} // namespace dynakv::storage
