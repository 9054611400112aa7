// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/base_index.h"
#include "daemon/storage/commit.h"
#include "daemon/storage/file_system.h"
#include "daemon/storage/frame_reader.h"
#include "daemon/store/table.h"
#include "daemon/store/walk.h"

namespace dynakv::storage {

/// Writes a database that is in use into a new file: compaction, backup, healing, restore. First
/// the base, by walking the table in short lock slices while writes go on; then, from the log of
/// the old file, all that was committed since the walk began. What the base has of that already
/// does no harm: applying is idempotent, the greater version wins. Each part is read back and
/// compared before anybody may use it.
///
/// The steps are small, so that a caller can spread them over time; the table is locked for one
/// slice of 64 KiB or 256 records at a time. After an error the file is good for nothing.
///
/// Thread: one at a time. \a files and the table outlive it.
class SnapshotWriter
{
public:
    struct Source
    {
        const store::Table *table = nullptr;
        Metas metas = {};     ///< As committed when the walk begins.
        QString logFile = {}; ///< Where the log goes on from \a cut; empty: nothing is written
        FrameChain cut = {};  ///< meanwhile.
    };
    struct Target
    {
        QString path = {};
        FileIdentity identity = {};
        quint64 generation = 1;
        bool isBackup = false;
    };

    SnapshotWriter(FileSystem &files, Source source, Target target);

    /// One piece of the base, written or read back. True once all of it stands and was verified.
    base::Result<bool> step();
    /// Copies and verifies the log up to \a end of the old file, where a frame ends, or the next
    /// \a bytesMax of it. Only after step() gave true.
    base::Result<void> copyLog(qint64 end, qint64 bytesMax = std::numeric_limits<qint64>::max());
    /// So that little is left for the sync in finish().
    base::Result<void> sync();
    /// Syncs and closes the file; where the next frame of it goes. \a isSealed: nobody will write
    /// to it for now. The writer is to be destroyed where time does not matter.
    base::Result<FrameChain> finish(bool isSealed);

    [[nodiscard]] const Target &target() const { return m_target; }
    [[nodiscard]] qint64 writtenBytes() const { return m_chain.offset; }
    /// How far copyLog() has come in the old file.
    [[nodiscard]] qint64 logOffset() const { return m_logChain.offset; }
    [[nodiscard]] const BaseIndex &index() const { return m_index; }
    /// Of the base's records how many are written.
    [[nodiscard]] quint64 writtenRecords() const { return m_chain.nextSeq - 1; }

private:
    enum class Phase : quint8 { Begin, Records, Verify, Log };

    base::Result<void> begin();
    base::Result<void> writeMetas();
    base::Result<void> writeSlice();
    base::Result<void> writeIndex();
    base::Result<bool> verifyBase();
    base::Result<void> checkBase() const;
    base::Result<void> verifyLog();
    base::Result<void> writeFrame(QByteArrayView bytes);
    base::Result<void> syncIfMuch();
    [[nodiscard]] base::Error notAsWritten(qint64 offset) const;

    FileSystem &m_files;
    Source m_source;
    Target m_target;
    Phase m_phase = Phase::Begin;
    std::unique_ptr<File> m_file;
    FrameBuilder m_frame;
    FrameChain m_chain; ///< Of the file being written.
    qint64 m_syncedBytes = 0;

    BaseIndex m_index;
    std::size_t m_partition = 0;
    store::Bound m_bound;

    std::unique_ptr<FileWindow> m_readBack;
    std::unique_ptr<FrameReader> m_verifier;
    BaseIndex m_found; ///< What the base turned out to hold when it was read back.

    std::unique_ptr<File> m_log;
    std::unique_ptr<FileWindow> m_logWindow;
    FrameChain m_logChain; ///< In the old file.
};

} // namespace dynakv::storage
