// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "shared/base/result.h"

#include <QByteArray>
#include <QByteArrayView>

#include <functional>
#include <optional>

/// The frames of storage.db: one for each group commit, written in one piece, chained to the frame
/// before it and bound to its file and offset (docs/formats/storage_db.md).
namespace dynakv::storage {

inline constexpr qsizetype kFrameHeaderBytes = 48;
inline constexpr qsizetype kFrameAlignment = 8;
inline constexpr qsizetype kFramePayloadBytesMax = qsizetype{64} << 20;
inline constexpr qsizetype kMetaNameBytesMax = 255;
inline constexpr qsizetype kMetaValueBytesMax = qsizetype{8} << 20;

/// What the next frame of a file continues.
struct FrameChain
{
    QByteArray fileId = {};
    qint64 offset = 0;       ///< Where it stands.
    quint32 previousCrc = 0; ///< The header CRC of the frame before it, or the superblock's CRC.
    quint64 nextSeq = 1;     ///< Number of its first entry.
};

struct FrameHeader
{
    quint8 type = 0;
    qsizetype payloadBytes = 0; ///< Padding included.
    quint32 payloadCrc = 0;
    quint32 entryCount = 0;
    quint64 firstSeq = 0;
    qint64 syncedOffset = 0; ///< All below was on the disk before this frame was written.
    quint32 previousCrc = 0;
    quint32 headerCrc = 0;

    [[nodiscard]] qint64 frameBytes() const { return kFrameHeaderBytes + payloadBytes; }
    [[nodiscard]] bool continues(const FrameChain &chain) const
    {
        return previousCrc == chain.previousCrc && firstSeq == chain.nextSeq;
    }
};

/// Collects the entries of one group commit.
class FrameBuilder
{
public:
    FrameBuilder();

    /// All of the request, or nothing of it and the reason: beyond a limit, or no room left.
    base::Result<void> add(const CommitRequest &request);
    [[nodiscard]] bool isEmpty() const { return m_entryCount == 0; }
    /// The whole frame. \a syncedOffset: what is known to be on the disk.
    QByteArray seal(const FrameChain &chain, qint64 syncedOffset);

private:
    QByteArray m_bytes;
    quint32 m_entryCount = 0;
};

/// How much of a frame a request takes.
qsizetype encodedSize(const CommitRequest &request);

/// The header of the frame at \a offset of the file \a fileId, if intact bytes of one stand there.
std::optional<FrameHeader> readFrameHeader(QByteArrayView bytes, const QByteArray &fileId,
                                           qint64 offset);
bool isPayloadIntact(const FrameHeader &header, QByteArrayView payload, const QByteArray &fileId,
                     qint64 offset);
/// The chain as it goes on behind the frame.
FrameChain chainBehind(const FrameHeader &header, const FrameChain &chain);

/// Where the entries of a frame go.
struct EntrySink
{
    std::function<void(core::Record)> record;
    std::function<void(QByteArray name, QByteArray value)> meta;
};
/// The entries of an intact frame. Corrupt or Unsupported if they are not what this program writes.
base::Result<void> readEntries(const FrameHeader &header, QByteArrayView payload,
                               const EntrySink &sink);

} // namespace dynakv::storage
