// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/snapshot_writer.h"

#include "daemon/storage/planted_bugs.h"
#include "daemon/storage/superblock.h"

namespace dynakv::storage {
namespace {

constexpr qsizetype kBaseFrameBytes = qsizetype{64} << 10;
/// So little is left for the last sync that it costs hardly more than any other. Not less, either:
/// a sync beside the log's delays one or two of those, so that few great ones spoil a smaller share
/// of them than many small ones. Measured at 3000 syncs a second: p99 of the log's syncs 1.3 times
/// the usual with steps of 4 MiB, 3 times with 1 MiB.
constexpr qint64 kSyncStepBytes = qint64{4} << 20;
/// Frames read back in one step.
constexpr qint64 kVerifyStepBytes = qint64{1} << 20;

} // namespace

SnapshotWriter::SnapshotWriter(FileSystem &files, Source source, Target target)
    : m_files(files)
    , m_source(std::move(source))
    , m_target(std::move(target))
    , m_chain(chainAtStart(m_target.identity, m_target.generation))
    , m_logChain(m_source.cut)
{
}

base::Result<bool> SnapshotWriter::step()
{
    base::Result<void> done;
    switch (m_phase) {
    case Phase::Begin:
        done = begin();
        if (done)
            done = writeMetas();
        m_phase = Phase::Records;
        break;
    case Phase::Records:
        done = writeSlice();
        if (done && m_partition == m_index.partitions.size()) {
            done = writeIndex();
            m_phase = Phase::Verify;
        }
        break;
    case Phase::Verify: {
        const auto isVerified = verifyBase();
        if (!isVerified)
            return isVerified.error();
        if (*isVerified)
            m_phase = Phase::Log;
        return *isVerified;
    }
    case Phase::Log:
        return true;
    }
    if (!done)
        return done.error();
    return false;
}

base::Result<void> SnapshotWriter::begin()
{
    auto file = m_files.open(m_target.path, FileSystem::OpenMode::Replace);
    if (!file)
        return file.error();
    m_file = *std::move(file);
    if (m_source.logFile.isEmpty())
        return {};
    auto log = m_files.open(m_source.logFile, FileSystem::OpenMode::Read);
    if (!log)
        return log.error();
    m_log = *std::move(log);
    m_logWindow = std::make_unique<FileWindow>(*m_log, m_logChain.offset);
    return {};
}

base::Result<void> SnapshotWriter::writeFrame(QByteArrayView bytes)
{
    const Written written = m_file->writeAt(m_chain.offset, bytes);
    if (written.error)
        return *written.error;
    const auto header = readFrameHeader(bytes, m_chain.fileSeed, m_chain.offset);
    // It was sealed a moment ago; if it does not read back, memory cannot be trusted.
    if (!header)
        qFatal("storage: a sealed frame does not read back");
    m_chain = chainBehind(*header, m_chain);
    return syncIfMuch();
}

base::Result<void> SnapshotWriter::syncIfMuch()
{
    if (m_chain.offset - m_syncedBytes < kSyncStepBytes)
        return {};
    return sync();
}

base::Result<void> SnapshotWriter::sync()
{
    m_syncedBytes = m_chain.offset;
    return m_file->sync();
}

base::Result<void> SnapshotWriter::writeMetas()
{
    m_frame.clear(FrameType::Base, kMetaFrameTag);
    for (const auto &[name, value] : m_source.metas) {
        if (m_frame.payloadBytes() + value.size() > kFramePayloadBytesMax / 2) {
            if (const auto written = writeFrame(m_frame.seal(m_chain, 0)); !written)
                return written;
            m_frame.clear(FrameType::Base, kMetaFrameTag);
        }
        m_frame.addMeta(name, value);
    }
    if (const auto written = writeFrame(m_frame.seal(m_chain, 0)); !written)
        return written;
    m_index.partitions[0] = {m_chain.offset, 0, m_chain.nextSeq, m_chain.previousCrc, 0};
    return {};
}

base::Result<void> SnapshotWriter::writeSlice()
{
    m_frame.clear(FrameType::Base, static_cast<quint32>(m_partition));
    auto walk = store::Walk::SliceFull;
    while (walk == store::Walk::SliceFull) {
        walk = m_source.table->visitSlice(
            static_cast<quint8>(m_partition), m_bound, [this](const core::RecordView &record) {
                const bool isForgotten = isPlanted(PlantedBug::ForgetTombstones) &&
                                         record.kind == core::RecordKind::Tombstone;
                if (!isForgotten)
                    m_frame.add(record);
                return m_frame.payloadBytes() < kBaseFrameBytes;
            });
    }
    BaseIndex::Partition &partition = m_index.partitions[m_partition];
    if (!m_frame.isEmpty()) {
        partition.records += m_frame.entryCount();
        const QByteArrayView bytes = m_frame.seal(m_chain, 0);
        partition.payloadHash =
            core::hashBytes(bytes.sliced(kFrameHeaderBytes), partition.payloadHash);
        if (const auto written = writeFrame(bytes); !written)
            return written;
    }
    if (walk != store::Walk::Ended)
        return {};
    m_bound = {};
    if (++m_partition < m_index.partitions.size()) {
        m_index.partitions[m_partition] = {m_chain.offset, 0, m_chain.nextSeq, m_chain.previousCrc,
                                           0};
    }
    return {};
}

base::Result<void> SnapshotWriter::writeIndex()
{
    Superblock superblock;
    superblock.identity = m_target.identity;
    superblock.generation = m_target.generation;
    superblock.indexOffset = m_chain.offset;
    superblock.logSeq = m_source.cut.nextSeq;
    superblock.isBackup = m_target.isBackup;
    m_index.end = m_chain.offset;
    m_frame.clear(FrameType::Index);
    m_frame.addEncoded(encodeBaseIndex(m_index), 0);
    if (const auto written = writeFrame(m_frame.seal(m_chain, 0)); !written)
        return written;
    superblock.logOffset = m_chain.offset;
    m_chain.nextSeq = superblock.logSeq;

    const QByteArray head = encodeSuperblock(superblock);
    const Written written = m_file->writeAt(0, head + head);
    if (written.error)
        return *written.error;
    if (const auto synced = m_file->sync(); !synced)
        return synced;
    m_syncedBytes = m_chain.offset;
    m_file->forgetCached();
    m_readBack = std::make_unique<FileWindow>(*m_file, m_chain.offset);
    m_verifier = std::make_unique<FrameReader>(
        *m_readBack, chainAtStart(m_target.identity, m_target.generation));
    return {};
}

base::Error SnapshotWriter::notAsWritten(qint64 offset) const
{
    return {base::ErrorCode::Corrupt, "what was written to " + m_target.path.toUtf8() +
                                          " reads back differently at byte " +
                                          QByteArray::number(offset)};
}

base::Result<bool> SnapshotWriter::verifyBase()
{
    if (isPlanted(PlantedBug::NoReadBack)) {
        m_verifier = std::make_unique<FrameReader>(*m_readBack, m_chain);
        return true;
    }
    const qint64 stop = m_verifier->chain().offset + kVerifyStepBytes;
    while (m_verifier->chain().offset < qMin(stop, m_chain.offset)) {
        const FrameChain before = m_verifier->chain();
        const auto frame = m_verifier->next();
        if (!frame)
            return frame.error();
        if (!*frame)
            return notAsWritten(before.offset);
        const FrameHeader &header = (*frame)->header;
        if (!header.is(FrameType::Base) || header.tag == kMetaFrameTag)
            continue;
        BaseIndex::Partition &partition = m_found.partitions[header.tag % core::kPartitionCount];
        partition.records += header.entryCount;
        partition.payloadHash = core::hashBytes((*frame)->payload, partition.payloadHash);
    }
    if (m_verifier->chain().offset < m_chain.offset)
        return false;
    if (const auto checked = checkBase(); !checked)
        return checked.error();
    // Behind the index the numbering goes on where the log begins.
    m_verifier = std::make_unique<FrameReader>(*m_readBack, m_chain);
    return true;
}

base::Result<void> SnapshotWriter::checkBase() const
{
    if (m_found.contentHash() != m_index.contentHash())
        return notAsWritten(kDataOffset);
    const auto head = m_file->readAt(0, kDataOffset);
    if (!head)
        return head.error();
    const auto first = decodeSuperblock(QByteArrayView(*head).first(kSuperblockBytes));
    const auto second = decodeSuperblock(QByteArrayView(*head).sliced(kSuperblockBytes));
    if (!first || !second || *first != *second || first->logOffset != m_chain.offset)
        return notAsWritten(0);
    return {};
}

base::Result<void> SnapshotWriter::copyLog(qint64 end, qint64 bytesMax)
{
    if (!m_log)
        return {};
    m_logWindow->extend(end);
    FrameReader reader(*m_logWindow, m_logChain);
    const qint64 stop = bytesMax < end - m_logChain.offset ? m_logChain.offset + bytesMax : end;
    while (reader.chain().offset < stop) {
        const auto frame = reader.next();
        if (!frame)
            return frame.error();
        if (!*frame) {
            return {base::ErrorCode::Corrupt, "the log cannot be read back at byte " +
                                                  QByteArray::number(reader.chain().offset) +
                                                  " of " + m_source.logFile.toUtf8()};
        }
        m_logChain = reader.chain();
        const FrameHeader &header = (*frame)->header;
        if (!header.is(FrameType::Batch))
            continue;
        m_frame.clear(FrameType::Batch);
        m_frame.addEncoded((*frame)->payload, header.entryCount);
        if (const auto written = writeFrame(m_frame.seal(m_chain, 0)); !written)
            return written;
    }
    return verifyLog();
}

base::Result<void> SnapshotWriter::verifyLog()
{
    if (isPlanted(PlantedBug::NoReadBack))
        return {};
    m_readBack->extend(m_chain.offset);
    while (m_verifier->chain().offset < m_chain.offset) {
        const qint64 offset = m_verifier->chain().offset;
        const auto frame = m_verifier->next();
        if (!frame)
            return frame.error();
        if (!*frame)
            return notAsWritten(offset);
    }
    return {};
}

base::Result<FrameChain> SnapshotWriter::finish(bool isSealed)
{
    if (!isPlanted(PlantedBug::NoSyncBeforeSwap)) {
        if (const auto synced = m_file->sync(); !synced)
            return synced.error();
    }
    if (isSealed) {
        // Behind a sync of its own, since it says that all before it is safe.
        m_frame.clear(FrameType::Seal);
        const QByteArrayView bytes = m_frame.seal(m_chain, m_chain.offset);
        const Written written = m_file->writeAt(m_chain.offset, bytes);
        if (written.error)
            return *written.error;
        m_chain = chainBehind(*readFrameHeader(bytes, m_chain.fileSeed, m_chain.offset), m_chain);
        if (const auto synced = m_file->sync(); !synced)
            return synced.error();
    }
    m_verifier.reset();
    m_readBack.reset();
    m_file.reset();
    // Where it can be, the old file is held until the writer dies: giving back its blocks takes the
    // system a while, and would take it in the rename, while writes stand still.
    m_logWindow.reset();
    if (!m_files.canReplaceOpenFiles())
        m_log.reset();
    return m_chain;
}

} // namespace dynakv::storage
