// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/change_ring.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace dynakv::store {
namespace {

/// Before the bytes of the key.
struct Header
{
    quint64 clock;
    quint64 node;
    quint32 valueBytes;
    quint16 keyBytes;
    ChangeKind kind;
};

constexpr std::size_t kSegmentBytesMax = 64 * 1024;
constexpr std::size_t kSegmentBytesMin = 4 * 1024; // More than the longest key needs.

struct Entry
{
    KeyChange change = {};
    std::size_t bytes = 0;
};

Entry entryAt(const char *at)
{
    Header header;
    std::memcpy(&header, at, sizeof(header));
    return {{header.kind,
             {header.clock, header.node},
             header.valueBytes,
             {at + sizeof(header), qsizetype{header.keyBytes}}},
            sizeof(header) + header.keyBytes};
}

} // namespace

ChangeRing::ChangeRing(std::size_t bytesMax)
    : m_segmentBytes(std::clamp(bytesMax / 16, kSegmentBytesMin, kSegmentBytesMax))
    , m_segmentsMax(std::max<std::size_t>(2, bytesMax / m_segmentBytes))
{
}

void ChangeRing::append(const KeyChange &change)
{
    const quint64 seq = m_lastSeq.load(std::memory_order_relaxed) + 1;
    const auto keyBytes = static_cast<std::size_t>(change.key.size());
    const Header header = {change.version.clock, change.version.node, change.valueBytes,
                           static_cast<quint16>(keyBytes), change.kind};
    if (!m_tail || m_tailBytes + sizeof(header) + keyBytes > m_segmentBytes)
        startSegment(seq);
    std::memcpy(m_tail + m_tailBytes, &header, sizeof(header));
    std::memcpy(m_tail + m_tailBytes + sizeof(header), change.key.data(), keyBytes);
    m_tailBytes += sizeof(header) + keyBytes;
    // In one order with whenMore(), which sets the second and then looks at the first.
    m_lastSeq.store(seq);
    if (m_hasWaiting.load())
        wakeAll();
}

void ChangeRing::startSegment(quint64 firstSeq)
{
    auto segment = std::make_shared<Segment>();
    segment->firstSeq = firstSeq;
    segment->bytes.reset(new char[m_segmentBytes]);
    m_tail = segment->bytes.get();
    m_tailBytes = 0;
    const std::scoped_lock lock(m_mutex);
    m_segments.push_back(std::move(segment));
    if (m_segments.size() > m_segmentsMax)
        m_segments.pop_front();
}

bool ChangeRing::holdsAllAfter(quint64 seq) const
{
    const quint64 last = lastSeq();
    if (seq >= last)
        return seq == last;
    return find(seq + 1).segment != nullptr;
}

ChangeRing::Found ChangeRing::find(quint64 seq) const
{
    const std::scoped_lock lock(m_mutex);
    const auto next = std::upper_bound(
        m_segments.begin(), m_segments.end(), seq,
        [](quint64 wanted, const auto &segment) { return wanted < segment->firstSeq; });
    if (next == m_segments.begin())
        return {};
    const bool isTail = next == m_segments.end();
    return {*std::prev(next), isTail ? std::numeric_limits<quint64>::max() : (*next)->firstSeq};
}

ChangeRead ChangeRing::read(ChangeCursor &cursor, int max,
                            const std::function<bool(quint64, const KeyChange &)> &visit) const
{
    const quint64 last = lastSeq();
    bool goesOn = true;
    while (goesOn && max > 0 && cursor.seq < last) {
        const Found found = find(cursor.seq + 1);
        if (!found.segment)
            return ChangeRead::Lost;
        quint64 next = found.segment->firstSeq;
        std::size_t offset = 0;
        if (cursor.segmentSeq == next) {
            next = cursor.seq + 1;
            offset = cursor.offset;
        }
        for (; goesOn && max > 0 && next <= last && next < found.endSeq; ++next) {
            const Entry entry = entryAt(found.segment->bytes.get() + offset);
            offset += entry.bytes;
            if (next <= cursor.seq)
                continue; // Only on the way to the place.
            --max;
            cursor = {next, found.segment->firstSeq, offset};
            goesOn = visit(next, entry.change);
        }
    }
    if (cursor.seq > last)
        return ChangeRead::Lost;
    return cursor.seq == last ? ChangeRead::AtEnd : ChangeRead::More;
}

void ChangeRing::whenMore(quint64 seq, std::function<void()> wake) const
{
    {
        const std::scoped_lock lock(m_mutex);
        m_waiting.push_back(std::move(wake));
        m_hasWaiting.store(true);
    }
    if (lastSeq() > seq)
        wakeAll();
}

void ChangeRing::wakeAll() const
{
    std::vector<std::function<void()>> waiting;
    {
        const std::scoped_lock lock(m_mutex);
        waiting.swap(m_waiting);
        m_hasWaiting.store(false);
    }
    for (const auto &wake : waiting)
        wake();
}

qint64 ChangeRing::memoryBytes() const
{
    const std::scoped_lock lock(m_mutex);
    return static_cast<qint64>(m_segments.size() * (m_segmentBytes + sizeof(Segment)));
}

} // namespace dynakv::store
