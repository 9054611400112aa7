// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/base_loader.h"

#include "daemon/store/table_loader.h"

#include <thread>

namespace dynakv::storage {
namespace {

base::Error damagedAt(qint64 offset, QByteArrayView what)
{
    return {base::ErrorCode::Corrupt,
            what.toByteArray() + " at byte " + QByteArray::number(offset) + " is damaged"};
}

} // namespace

BaseLoader::BaseLoader(FileSystem &files, const QString &path, FileWindow &window,
                       const Superblock &superblock)
    : m_files(files)
    , m_path(path)
    , m_window(window)
    , m_superblock(superblock)
    , m_start(chainAtStart(superblock.identity, superblock.generation))
{
}

base::Result<FrameChain> BaseLoader::readIndex()
{
    const qint64 offset = m_superblock.indexOffset;
    const base::Error damaged = damagedAt(offset, "the index");
    const auto head = m_window.at(offset, kFrameHeaderBytes);
    if (!head)
        return head.error();
    const auto header = readFrameHeader(*head, m_start.fileSeed, offset);
    if (!header || !header->is(FrameType::Index) ||
        offset + header->frameBytes() != m_superblock.logOffset)
        return damaged;
    const auto payload = m_window.at(offset + kFrameHeaderBytes, header->payloadBytes);
    if (!payload)
        return payload.error();
    if (payload->size() != header->payloadBytes ||
        !isPayloadIntact(*header, *payload, m_start.fileSeed, offset))
        return damaged;
    auto index = decodeBaseIndex(*payload, offset);
    if (!index)
        return index.error();
    m_index = *std::move(index);
    m_indexHeader = *header;
    return FrameChain{m_start.fileSeed, m_superblock.logOffset, header->headerCrc,
                      m_superblock.logSeq};
}

base::Result<void> BaseLoader::readMetas(Metas &metas)
{
    const qint64 end = m_index.partitions.front().offset;
    const EntrySink sink = {[](const core::RecordView &) {},
                            [&metas](QByteArrayView name, QByteArrayView value) {
                                metas.insert_or_assign(name.toByteArray(), value.toByteArray());
                            }};
    FrameReader reader(m_window, m_start);
    while (reader.chain().offset < end) {
        const qint64 offset = reader.chain().offset;
        const auto frame = reader.next();
        if (!frame)
            return frame.error();
        if (!*frame || (*frame)->header.tag != kMetaFrameTag)
            return damagedAt(offset, "the frame of the node's own values");
        if (const auto read = readEntries((*frame)->header, (*frame)->payload, sink); !read)
            return read;
    }
    if (reader.chain() != chainOf(0))
        return damagedAt(end, "the frame of the node's own values");
    return {};
}

FrameChain BaseLoader::chainOf(std::size_t partition) const
{
    const BaseIndex::Partition &at = m_index.partitions[partition];
    return {m_start.fileSeed, at.offset, at.previousCrc, at.firstSeq};
}

FrameChain BaseLoader::chainBehindOf(std::size_t partition) const
{
    if (partition + 1 < m_index.partitions.size())
        return chainOf(partition + 1);
    return {m_start.fileSeed, m_index.end, m_indexHeader.previousCrc, m_indexHeader.firstSeq};
}

base::Result<void> BaseLoader::loadPartition(FileWindow &window, std::size_t partition,
                                             const EntrySink &sink) const
{
    const QByteArray what = "partition " + QByteArray::number(static_cast<int>(partition));
    FrameReader reader(window, chainOf(partition));
    quint64 records = 0;
    while (reader.chain().offset < m_index.endOf(partition)) {
        const qint64 offset = reader.chain().offset;
        const auto frame = reader.next();
        if (!frame)
            return frame.error();
        if (!*frame || !(*frame)->header.is(FrameType::Base) || (*frame)->header.tag != partition)
            return damagedAt(offset, what);
        records += (*frame)->header.entryCount;
        if (const auto read = readEntries((*frame)->header, (*frame)->payload, sink); !read)
            return read;
    }
    if (reader.chain() != chainBehindOf(partition) ||
        records != m_index.partitions[partition].records)
        return damagedAt(m_index.endOf(partition), "the end of " + what);
    return {};
}

base::Result<void> BaseLoader::loadGroup(FileWindow &window, store::Table &table, int group) const
{
    constexpr std::size_t kPartitions = core::kPartitionCount / store::Table::kLoadGroups;
    store::TableLoader loader(table, group);
    bool isInOrder = true;
    const EntrySink sink = {
        [&](const core::RecordView &record) { isInOrder = loader.append(record) && isInOrder; },
        [](QByteArrayView, QByteArrayView) {}};
    const std::size_t first = kPartitions * static_cast<std::size_t>(group);
    for (std::size_t partition = first; partition < first + kPartitions; ++partition) {
        if (const auto loaded = loadPartition(window, partition, sink); !loaded)
            return loaded;
        if (!isInOrder)
            return damagedAt(m_index.partitions[partition].offset, "the order of the keys");
    }
    return {};
}

base::Result<void> BaseLoader::load(store::Table &table, int threads)
{
    constexpr int kGroups = store::Table::kLoadGroups;
    if (threads <= 1) {
        for (int group = 0; group < kGroups; ++group) {
            if (const auto loaded = loadGroup(m_window, table, group); !loaded)
                return loaded;
        }
        return {};
    }
    std::vector<base::Result<void>> results(kGroups);
    const auto work = [&, this](int first) {
        auto file = m_files.open(m_path, FileSystem::OpenMode::Read);
        for (int group = first; group < kGroups; group += threads) {
            auto &result = results[static_cast<std::size_t>(group)];
            if (!file) {
                result = file.error();
                continue;
            }
            FileWindow window(**file, m_window.fileBytes());
            result = loadGroup(window, table, group);
        }
    };
    std::vector<std::thread> others;
    for (int first = 1; first < qMin(threads, kGroups); ++first)
        others.emplace_back(work, first);
    work(0);
    for (std::thread &other : others)
        other.join();
    for (const auto &result : results) {
        if (!result)
            return result;
    }
    return {};
}

} // namespace dynakv::storage
