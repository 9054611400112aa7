// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/send_queue.h"

#include "daemon/cluster/frame_codec.h"

#include <algorithm>
#include <utility>

namespace dynakv::cluster {

bool SendQueue::add(core::Lane lane, QByteArray frame)
{
    const bool isControl = lane == core::Lane::Control;
    qsizetype &waiting = bytesOf(lane);
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
    if (m_current.isEmpty())
        begin();
    return QByteArrayView(m_current).sliced(m_written,
                                            std::min(bytesMax, m_current.size() - m_written));
}

/// What is the next is known only now, since control overtakes data.
void SendQueue::begin()
{
    if (!m_control.empty()) {
        m_lane = core::Lane::Control;
        m_current = std::move(m_control.front());
        m_control.pop_front();
    } else {
        m_lane = core::Lane::Data;
        m_current = takeData();
    }
    if (!m_seal)
        return;
    m_current += m_seal->sealOf(m_current);
    bytesOf(m_lane) += kSealBytes;
}

/// The first data frame, or the next part of it.
QByteArray SendQueue::takeData()
{
    QByteArray &frame = m_data.front();
    const qsizetype bodyBytes = frame.size() - kFrameHeadBytes;
    if (bodyBytes <= kPartBytesMax) {
        QByteArray whole = std::move(frame);
        m_data.pop_front();
        return whole;
    }
    // The head was counted with the frame; each part but the first one brings another.
    if (m_partsBytes > 0)
        m_dataBytes += kFrameHeadBytes;
    QByteArray part = partOf(frame, m_partsBytes);
    m_partsBytes += part.size() - kFrameHeadBytes;
    if (m_partsBytes == bodyBytes) {
        m_data.pop_front();
        m_partsBytes = 0;
    }
    return part;
}

void SendQueue::pop(qsizetype bytes)
{
    bytesOf(m_lane) -= bytes;
    m_written += bytes;
    if (m_written == m_current.size()) {
        m_current = QByteArray();
        m_written = 0;
    }
}

} // namespace dynakv::cluster
