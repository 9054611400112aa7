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
/// lane bounded. A single frame beyond the data bound passes when its lane is empty, since the
/// greatest value must be able to travel; so the queue holds at most that one frame more.
class SendQueue
{
public:
    /// With a \a seal, which outlives it, each frame is sealed when its turn to be written comes.
    explicit SendQueue(LinkSeal *seal = nullptr)
        : m_seal(seal)
    {
    }

    /// False: the lane is full, the frame was not taken.
    [[nodiscard]] bool add(core::Lane lane, QByteArray frame);

    /// The next bytes to write, at most \a bytesMax of them and never of two frames; empty if
    /// nothing waits. A frame once begun is finished before another lane's.
    QByteArrayView front(qsizetype bytesMax);
    /// The first \a bytes of front() were written.
    void pop(qsizetype bytes);

    [[nodiscard]] bool isEmpty() const { return m_controlBytes + m_dataBytes == 0; }
    [[nodiscard]] qsizetype controlBytes() const { return m_controlBytes; }
    [[nodiscard]] qsizetype dataBytes() const { return m_dataBytes; }

private:
    void begin();

    LinkSeal *m_seal;
    std::deque<QByteArray> m_control = {};
    std::deque<QByteArray> m_data = {};
    qsizetype m_controlBytes = 0; ///< Not yet written ones, the frame under way included.
    qsizetype m_dataBytes = 0;
    bool m_hasBegun = false;                 ///< Whether a frame is under way,
    qsizetype m_written = 0;                 ///< how much of it was written,
    core::Lane m_lane = core::Lane::Control; ///< which is the first of this lane.
};

} // namespace dynakv::cluster
