// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/frame_codec.h"
#include "shared/base/endpoint.h"

#include <QThread>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

class QTcpServer;

namespace dynakv::test {

/// Stands on a port of the loopback in front of the cluster port of a node: whoever dials it talks
/// with that node by way of it, on a plain link. It has a thread, so that it works while a test
/// waits for an answer.
class FrameRelay
{
public:
    /// What goes on instead of a frame that either side sent. Called on the relay's thread.
    using Rewrite = std::function<std::vector<cluster::Frame>(cluster::Frame)>;

    FrameRelay(base::Endpoint target, Rewrite rewrite);
    ~FrameRelay();
    Q_DISABLE_COPY_MOVE(FrameRelay)

    [[nodiscard]] quint16 port() const { return m_port; }
    /// Frames of that type that came from either side.
    [[nodiscard]] int seen(quint8 type) const { return m_seen.at(type); }
    /// Links that were ended by one of their sides.
    [[nodiscard]] int endedLinks() const { return m_endedLinks; }

private:
    struct Side;
    void accept();
    void read(Side &from, Side &to);

    base::Endpoint m_target;
    Rewrite m_rewrite;
    quint16 m_port = 0;
    std::array<std::atomic<int>, 256> m_seen = {};
    std::atomic<int> m_endedLinks = 0;
    std::unique_ptr<QTcpServer> m_server;       ///< Of the thread, as all below.
    std::vector<std::unique_ptr<Side>> m_sides; ///< Each two of a link.
    QThread m_thread;
};

} // namespace dynakv::test
