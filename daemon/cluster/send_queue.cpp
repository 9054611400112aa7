// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/send_queue.h"

#include <algorithm>

namespace dynakv::cluster {

bool SendQueue::add(core::Lane lane, QByteArray frame)
{
    const bool isControl = lane == core::Lane::Control;
    qsizetype &waiting = isControl ? m_controlBytes : m_dataBytes;
    const qsizetype bound = isControl ? kControlLaneBytesMax : kDataLaneBytesMax;
    const bool isLoneGiant = !isControl && waiting == 0;
    if (waiting + frame.size() > bound && !isLoneGiant)
        return false;
    waiting += frame.size();
    (isControl ? m_control : m_data).push_back(std::move(frame));
    return true;
}

QByteArrayView SendQueue::front(qsizetype bytesMax)
{
    if (isEmpty())
        return {};
    if (m_written == 0)
        m_lane = m_control.empty() ? core::Lane::Data : core::Lane::Control;
    const QByteArray &frame = (m_lane == core::Lane::Control ? m_control : m_data).front();
    return QByteArrayView(frame).sliced(m_written, std::min(bytesMax, frame.size() - m_written));
}

void SendQueue::pop(qsizetype bytes)
{
    const bool isControl = m_lane == core::Lane::Control;
    std::deque<QByteArray> &frames = isControl ? m_control : m_data;
    (isControl ? m_controlBytes : m_dataBytes) -= bytes;
    m_written += bytes;
    if (m_written == frames.front().size()) {
        frames.pop_front();
        m_written = 0;
    }
}

} // namespace dynakv::cluster
