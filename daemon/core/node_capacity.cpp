// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

/// The first member that is up and uses more than \a permille of its limit, in words; this node is
/// asked first. A member that is down cannot take a record anyway.
std::optional<QByteArray> Node::Impl::whoIsFull(quint32 permille) const
{
    const auto words = [](const QByteArray &who, quint32 used) {
        return who + " uses " + QByteArray::number(used / 10) + " % of its memory limit";
    };
    if (const quint32 used = m_capacity.usedPermille(); used > permille)
        return words("this node", used);
    if (m_peersPermille <= permille)
        return std::nullopt;
    for (const auto &[id, link] : m_links) {
        const quint32 used = link.last.memoryUsedPermille;
        if (used <= permille || !link.isEstablished)
            continue;
        const MemberRecord *member = m_table.find(link.theirs->node);
        if (member != nullptr && member->state < MemberState::Down)
            return words("member " + toHex16(member->id) + " at " + member->api.toString(), used);
    }
    return std::nullopt;
}

/// Why \a write is refused where memory is short: a value anywhere in the cluster needs room at
/// every replica. A delete of what is held makes some.
std::optional<QByteArray> Node::Impl::reasonOfFullness(const WriteRequest &write) const
{
    if (write.kind == RecordKind::Tombstone && m_records.stampOf(write.key))
        return std::nullopt;
    const auto who = whoIsFull(Capacity::kFullPermille);
    if (!who) {
        Record record;
        record.key = write.key;
        record.contentType = write.contentType;
        record.value = write.value;
        if (m_capacity.hasRoomFor(record))
            return std::nullopt;
        return "the memory of this node has no room for a value of " +
               QByteArray::number(write.value.size()) +
               " bytes (--max-memory); delete keys, or raise it; nothing was changed";
    }
    return "the memory is full: " + *who +
           " (--max-memory); delete keys, or raise it; nothing was changed";
}

/// One line when it becomes full anywhere and one when that is over.
void Node::Impl::tellFullness()
{
    if (m_peersPermille > Capacity::kEasedPermille) {
        m_peersPermille = 0; // Who said the most may have more room now, or be gone.
        for (const auto &[id, link] : m_links)
            m_peersPermille = std::max(m_peersPermille, link.last.memoryUsedPermille);
    }
    const auto who = whoIsFull(m_isFull ? Capacity::kEasedPermille : Capacity::kFullPermille);
    if (who.has_value() == m_isFull)
        return;
    m_isFull = who.has_value();
    m_isViewDirty = true;
    if (m_isFull)
        say(Log::Level::Warning, "the memory is full: " + *who +
                                     " (--max-memory); values of clients are refused, deletes of "
                                     "keys that exist pass");
    else
        say(Log::Level::Info, "the memory is no longer full: values of clients are taken again");
}

void Node::Impl::noteDisk(Committed::Result result, const QByteArray &detail)
{
    switch (result) {
    case Committed::Result::Done:
        m_diskTookMs = m_now.monoMs;
        return;
    case Committed::Result::Failed:
        return; // Whoever owns the file says what is wrong with it.
    case Committed::Result::NoSpace:
        break;
    }
    m_diskRefusedMs = m_now.monoMs;
    if (std::exchange(m_isDiskFull, true))
        return;
    say(Log::Level::Warning, "the disk is full: writes are refused until there is space again" +
                                 (detail.isEmpty() ? QByteArray() : " (" + detail + ')'));
}

/// On a disk that is nearly full a small write fits where a large one did not: that is not the end
/// of it yet.
void Node::Impl::tellDisk()
{
    if (!m_isDiskFull || m_diskTookMs <= m_diskRefusedMs ||
        m_now.monoMs - m_diskRefusedMs < kDiskCalmMs)
        return;
    m_isDiskFull = false;
    say(Log::Level::Info, "the disk has space again: writes are taken");
}

} // namespace dynakv::core
