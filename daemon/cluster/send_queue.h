// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/link_seal.h"
#include "daemon/core/message.h"

#include <QByteArray>

#include <deque>

namespace dynakv::cluster {

inline constexpr qsizetype kControlLaneBytesMax = qsizetype{1} << 20;
inline constexpr qsizetype kDataLaneBytesMax = qsizetype{8} << 20;

/// What waits to be written to one link: whole frames in two lanes, control always first, each
/// lane bounded. A large frame of the data lane goes in parts, between which control passes: no
/// heartbeat waits behind a large value. A single frame beyond the data bound is taken when its
/// lane is empty, since the greatest value must be able to travel; so the queue holds at most that
/// one frame more.
class SendQueue
{
public:
    /// With a \a seal, which outlives it, each frame or part is sealed when its turn to be written
    /// comes.
    explicit SendQueue(LinkSeal *seal = nullptr)
        : m_seal(seal)
    {
    }

    /// False: the lane is full, the frame was not taken.
    [[nodiscard]] bool add(core::Lane lane, QByteArray frame);

    /// The next bytes to write, at most \a bytesMax of them and never of two frames or parts; empty
    /// if nothing waits. What was once begun is finished before anything else.
    QByteArrayView front(qsizetype bytesMax);
    /// The first \a bytes of front() were written.
    void pop(qsizetype bytes);

    [[nodiscard]] bool isEmpty() const { return m_controlBytes + m_dataBytes == 0; }
    /// Not yet written ones, with what parts and seals add to those under way.
    [[nodiscard]] qsizetype controlBytes() const { return m_controlBytes; }
    [[nodiscard]] qsizetype dataBytes() const { return m_dataBytes; }

private:
    void begin();
    QByteArray takeData();
    qsizetype &bytesOf(core::Lane lane)
    {
        return lane == core::Lane::Control ? m_controlBytes : m_dataBytes;
    }

    LinkSeal *m_seal;
    std::deque<QByteArray> m_control = {};
    std::deque<QByteArray> m_data = {};
    qsizetype m_partsBytes = 0; ///< Of the body of the first data frame, taken in parts already.
    qsizetype m_controlBytes = 0;
    qsizetype m_dataBytes = 0;
    QByteArray m_current = {};               ///< The frame or part under way; empty: none is,
    qsizetype m_written = 0;                 ///< how much of it was written,
    core::Lane m_lane = core::Lane::Control; ///< and whose it is.
};

} // namespace dynakv::cluster
