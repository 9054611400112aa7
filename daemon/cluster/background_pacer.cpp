// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/background_pacer.h"

#include "shared/base/mailbox.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace dynakv::cluster {

BackgroundPacer::BackgroundPacer(base::Mailbox &inbox, std::function<qint64()> nowUs)
    : m_inbox(inbox)
    , m_nowUs(std::move(nowUs))
{
    m_rest.setSingleShot(true);
    m_rest.setTimerType(Qt::PreciseTimer);
    connect(&m_rest, &QTimer::timeout, this, &BackgroundPacer::run);
}

void BackgroundPacer::add(Piece piece)
{
    m_pieces.push_back(std::move(piece));
    if (!m_isUnderWay)
        next();
}

void BackgroundPacer::hurry()
{
    m_isHurrying = true;
    if (m_rest.isActive())
        m_rest.start(0);
}

void BackgroundPacer::next()
{
    m_isUnderWay = true;
    const qint64 restUs = m_restUntilUs - m_nowUs();
    if (restUs >= kRestUsMin && !m_isHurrying)
        m_rest.start(
            std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(restUs)));
    else
        m_inbox.post([this] { run(); });
}

void BackgroundPacer::run()
{
    const Piece piece = std::move(m_pieces.front());
    m_pieces.pop_front();
    const qint64 startUs = m_nowUs();
    piece();
    // Timers are late by up to a millisecond, which is not to make the rests longer.
    m_restUntilUs =
        std::max(m_restUntilUs, startUs - kRestUsMin) + (m_nowUs() - startUs) * (1 + kRestPerWork);
    m_isUnderWay = false;
    if (!m_pieces.empty())
        next();
}

} // namespace dynakv::cluster
