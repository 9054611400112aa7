// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/file_walk.h"

#include "daemon/storage/base_index.h"
#include "daemon/storage/file_window.h"
#include "daemon/storage/frame_reader.h"
#include "daemon/storage/log_end.h"

namespace dynakv::storage {
namespace {

/// One pass over one file.
class Walk
{
public:
    Walk(FileWindow &window, OnDamage onDamage, const EntrySink &sink)
        : m_window(window)
        , m_onDamage(onDamage)
        , m_sink(sink)
    {
    }

    base::Result<FileReport> run();

private:
    /// Whether there is a frame to go on with.
    base::Result<bool> step();
    base::Result<void> take(const FrameReader::Frame &frame);
    base::Result<void> takeIndex(const FrameReader::Frame &frame);
    base::Result<bool> meetDamage();
    base::Result<bool> skipDamage(const LogEnd &end);
    base::Result<std::optional<FrameHeader>> intactFrameAt(qint64 offset);
    base::Result<quint32> salvageAt(qint64 offset);
    void enterLog();
    [[nodiscard]] bool isInBase() const { return m_chain.offset < m_report.superblock.logOffset; }

    FileWindow &m_window;
    OnDamage m_onDamage;
    const EntrySink &m_sink;
    FileReport m_report;
    FrameChain m_chain;
    BaseIndex m_found;
    std::optional<BaseIndex> m_index;
};

base::Result<FileReport> Walk::run()
{
    const auto superblock = readSuperblocks(m_window);
    if (!superblock)
        return superblock.error();
    m_report.superblock = superblock->superblock;
    m_report.isSuperblockDamaged = superblock->isOneDamaged;
    m_report.fileBytes = m_window.fileBytes();
    m_chain = chainAtStart(m_report.superblock.identity, m_report.superblock.generation);
    enterLog();
    for (;;) {
        const auto isThere = step();
        if (!isThere)
            return isThere.error();
        if (!*isThere)
            break;
    }
    m_report.logEnd = m_chain.offset;
    m_report.lastSeq = m_chain.nextSeq - 1;
    m_report.contentHash = m_found.contentHash();
    const bool hasBase = m_report.superblock.indexOffset != 0;
    m_report.isIndexRight =
        !hasBase || (m_index && m_index->contentHash() == m_found.contentHash());
    return std::move(m_report);
}

/// Behind the index the numbering goes on where the log begins.
void Walk::enterLog()
{
    if (m_chain.offset == m_report.superblock.logOffset)
        m_chain.nextSeq = m_report.superblock.logSeq;
}

base::Result<bool> Walk::step()
{
    FrameReader reader(m_window, m_chain);
    const auto frame = reader.next();
    if (!frame)
        return frame.error();
    if (!*frame)
        return meetDamage();
    if (const auto taken = take(**frame); !taken)
        return taken.error();
    m_chain = reader.chain();
    enterLog();
    return true;
}

base::Result<void> Walk::take(const FrameReader::Frame &frame)
{
    m_report.isSealed = frame.header.is(FrameType::Seal);
    if (frame.header.is(FrameType::Index))
        return takeIndex(frame);
    if (frame.header.is(FrameType::Base) && frame.header.tag != kMetaFrameTag) {
        BaseIndex::Partition &partition =
            m_found.partitions[frame.header.tag % core::kPartitionCount];
        partition.records += frame.header.entryCount;
        partition.payloadHash = core::hashBytes(frame.payload, partition.payloadHash);
    }
    quint64 &records =
        frame.header.is(FrameType::Base) ? m_report.baseRecords : m_report.logRecords;
    const EntrySink sink = {[&](const core::RecordView &record) {
                                ++records;
                                m_sink.record(record);
                            },
                            [&](QByteArrayView name, QByteArrayView value) {
                                ++m_report.metas;
                                m_sink.meta(name, value);
                            }};
    return readEntries(frame.header, frame.payload, sink, RecordCheck::Checksum);
}

base::Result<void> Walk::takeIndex(const FrameReader::Frame &frame)
{
    auto index = decodeBaseIndex(frame.payload, frame.offset);
    if (!index)
        return index.error();
    m_index = *std::move(index);
    return {};
}

base::Result<bool> Walk::meetDamage()
{
    if (m_chain.offset >= m_window.fileBytes() && !isInBase())
        return false;
    const auto end = examineLogEnd(m_window, m_chain);
    if (!end)
        return end.error();
    if (!isInBase() && !end->isDamage(m_chain.offset)) {
        m_report.tornBytes = end->torn;
        return false;
    }
    return skipDamage(*end);
}

base::Result<std::optional<FrameHeader>> Walk::intactFrameAt(qint64 offset)
{
    const auto head = m_window.at(offset, kFrameHeaderBytes);
    if (!head)
        return head.error();
    const auto header = readFrameHeader(*head, m_chain.fileSeed, offset);
    if (!header)
        return std::optional<FrameHeader>();
    const auto payload = m_window.at(offset + kFrameHeaderBytes, header->payloadBytes);
    if (!payload)
        return payload.error();
    const bool isIntact = payload->size() == header->payloadBytes &&
                          isPayloadIntact(*header, *payload, m_chain.fileSeed, offset);
    return isIntact ? header : std::optional<FrameHeader>();
}

/// The records in front of the damage in a frame whose header is intact.
base::Result<quint32> Walk::salvageAt(qint64 offset)
{
    const auto head = m_window.at(offset, kFrameHeaderBytes);
    if (!head)
        return head.error();
    const auto header = readFrameHeader(*head, m_chain.fileSeed, offset);
    const bool hasRecords = header && (header->is(FrameType::Base) || header->is(FrameType::Batch));
    if (!hasRecords)
        return quint32{0};
    const auto payload = m_window.at(offset + kFrameHeaderBytes, header->payloadBytes);
    if (!payload)
        return payload.error();
    return salvageEntries(*payload, m_sink);
}

base::Result<bool> Walk::skipDamage(const LogEnd &end)
{
    Damage damage;
    damage.offset = m_chain.offset;
    damage.isInBase = isInBase();
    damage.bytes = qMax<qint64>(0, m_window.fileBytes() - damage.offset);
    qint64 next = 0;
    FrameChain behind = m_chain;
    for (qint64 offset = damage.offset; next == 0 && offset < damage.offset + end.torn;
         offset += kFrameAlignment) {
        const auto header = intactFrameAt(offset);
        if (!header)
            return header.error();
        if (!*header)
            continue;
        next = offset;
        damage.bytes = offset - damage.offset;
        const bool isSameSection = damage.isInBase == (offset < m_report.superblock.logOffset);
        if (!damage.isInBase && isSameSection && (*header)->firstSeq > m_chain.nextSeq) {
            damage.firstSeq = m_chain.nextSeq;
            damage.lastSeq = (*header)->firstSeq - 1;
        }
        behind = {m_chain.fileSeed, offset, (*header)->previousCrc, (*header)->firstSeq};
    }
    if (m_onDamage == OnDamage::Skip && next != damage.offset) {
        const auto saved = salvageAt(damage.offset);
        if (!saved)
            return saved.error();
        damage.savedRecords = *saved;
    }
    m_report.damages.push_back(damage);
    if (m_onDamage == OnDamage::Stop || next == 0)
        return false;
    m_chain = behind;
    return true;
}

} // namespace

base::Result<FileReport> walkFile(FileSystem &files, const QString &path, OnDamage onDamage,
                                  const EntrySink &sink)
{
    const auto file = files.open(path, FileSystem::OpenMode::Read);
    if (!file)
        return file.error();
    const auto size = (*file)->size();
    if (!size)
        return size.error();
    FileWindow window(**file, *size);
    auto report = Walk(window, onDamage, sink).run();
    if (!report)
        return base::Error{report.error().code, path.toUtf8() + ": " + report.error().message};
    return report;
}

} // namespace dynakv::storage
