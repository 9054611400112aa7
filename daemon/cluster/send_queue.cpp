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
    if (!m_hasBegun)
        begin();
    const QByteArray &frame = (m_lane == core::Lane::Control ? m_control : m_data).front();
    return QByteArrayView(frame).sliced(m_written, std::min(bytesMax, frame.size() - m_written));
}

/// Which frame is the next is known only now, since control overtakes data.
void SendQueue::begin()
{
    m_hasBegun = true;
    const bool isControl = !m_control.empty();
    m_lane = isControl ? core::Lane::Control : core::Lane::Data;
    if (!m_seal)
        return;
    QByteArray &frame = (isControl ? m_control : m_data).front();
    frame += m_seal->sealOf(frame);
    (isControl ? m_controlBytes : m_dataBytes) += kSealBytes;
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
        m_hasBegun = false;
    }
}

} // namespace dynakv::cluster
