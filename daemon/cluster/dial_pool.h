// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/event.h"

#include <QObject>

#include <deque>

class QTcpSocket;
class QTimer;

namespace dynakv::cluster {

/// Makes outgoing connections: names are resolved at each dial without blocking, at most 16 are
/// under way, each ends within core::kDialTimeoutMs of its start by connected() or failed().
///
/// Thread: the node thread, signals included.
class DialPool final : public QObject
{
    Q_OBJECT
public:
    explicit DialPool(QObject *parent = nullptr)
        : QObject(parent)
    {
    }

    void dial(core::DialId id, const base::Endpoint &target);

Q_SIGNALS:
    /// The receiver takes \a socket over.
    void connected(quint64 dial, QTcpSocket *socket);
    void failed(quint64 dial, dynakv::core::DialFailed::Reason reason);

private:
    struct Waiting
    {
        core::DialId id = 0;
        base::Endpoint target = {};
    };

    void startNext();
    void begin(const Waiting &next);
    void release(QTcpSocket *socket, QTimer *deadline);

    std::deque<Waiting> m_waiting = {};
    int m_underWay = 0;
    bool m_isStarting = false; ///< A dial that fails at once must not start the next one inside.
};

} // namespace dynakv::cluster
