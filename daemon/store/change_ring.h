// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/version.h"

#include <QByteArrayView>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace dynakv::store {

enum class ChangeKind : quint8 { Put, Delete, Expire };

/// One change of what a key holds. Not the value itself: who needs that reads the table, which may
/// hold a newer one by then, whose own change follows in the ring.
struct KeyChange
{
    ChangeKind kind = ChangeKind::Put;
    core::Version version = {}; ///< Of an expiry: that of the value that expired.
    quint32 valueBytes = 0;     ///< Of a put.
    QByteArrayView key = {};
    bool operator==(const KeyChange &) const = default;
};

/// How far a reader is. Only \a seq matters; the others spare it a search.
struct ChangeCursor
{
    quint64 seq = 0; ///< The last change that it has passed.
    quint64 segmentSeq = 0;
    std::size_t offset = 0;
};

enum class ChangeRead : quint8 {
    AtEnd, ///< There is nothing behind the cursor.
    More,  ///< There may be.
    Lost,  ///< What follows the cursor is not held any more, or never was: nothing was read.
};

/// The last changes of one table, numbered from 1 on in the order in which they were applied, in a
/// bounded memory: the oldest ones go first. Nothing is shared with a reader but whole segments,
/// so a slow one holds nothing back.
///
/// Thread: append() from one writer at a time, the rest from any.
class ChangeRing
{
public:
    static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

    explicit ChangeRing(std::size_t bytesMax = kBytesMax);
    ChangeRing(const ChangeRing &) = delete;
    ChangeRing &operator=(const ChangeRing &) = delete;

    void append(const KeyChange &change);

    /// The number of the last change, 0 before the first.
    [[nodiscard]] quint64 lastSeq() const { return m_lastSeq.load(); }
    /// Whether all changes behind \a seq are still held.
    [[nodiscard]] bool holdsAllAfter(quint64 seq) const;

    /// Visits the changes behind \a cursor in their order, at most \a max of them, and moves it
    /// along. A \a visit that returns false ends the reading behind the change it was given.
    ChangeRead read(ChangeCursor &cursor, int max,
                    const std::function<bool(quint64 seq, const KeyChange &)> &visit) const;

    /// Calls \a wake once, as soon as there is a change behind \a seq: at once, or from within
    /// append(), so that it must be quick and must not call the ring or its table.
    void whenMore(quint64 seq, std::function<void()> wake) const;

    [[nodiscard]] qint64 memoryBytes() const;

private:
    struct Segment
    {
        quint64 firstSeq = 0;
        std::unique_ptr<char[]> bytes = {};
    };
    /// A segment that nobody takes away, and the number behind its last change, if it is full.
    struct Found
    {
        std::shared_ptr<const Segment> segment = {};
        quint64 endSeq = 0;
    };

    void startSegment(quint64 firstSeq);
    [[nodiscard]] Found find(quint64 seq) const;
    void wakeAll() const;

    const std::size_t m_segmentBytes;
    const std::size_t m_segmentsMax;

    // The writer's:
    char *m_tail = nullptr;
    std::size_t m_tailBytes = 0;

    /// What is written of a change happens before this tells of it.
    std::atomic<quint64> m_lastSeq = 0;
    mutable std::atomic<bool> m_hasWaiting = false;

    mutable std::mutex m_mutex;
    std::deque<std::shared_ptr<const Segment>> m_segments = {};
    mutable std::vector<std::function<void()>> m_waiting = {};
};

} // namespace dynakv::store
