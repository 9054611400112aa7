// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/frame_relay.h"

#include <QTcpServer>
#include <QTcpSocket>

namespace dynakv::test {

struct FrameRelay::Side
{
    std::unique_ptr<QTcpSocket> socket;
    cluster::FrameParser parser = cluster::FrameParser();
};

FrameRelay::FrameRelay(base::Endpoint target, Rewrite rewrite)
    : m_target(std::move(target))
    , m_rewrite(std::move(rewrite))
    , m_server(std::make_unique<QTcpServer>())
{
    m_server->listen(QHostAddress::LocalHost);
    m_port = m_server->serverPort();
    QObject::connect(m_server.get(), &QTcpServer::newConnection, m_server.get(),
                     [this] { accept(); });
    m_server->moveToThread(&m_thread);
    m_thread.start();
}

FrameRelay::~FrameRelay()
{
    QMetaObject::invokeMethod(
        m_server.get(),
        [this] {
            for (const auto &side : m_sides)
                side->socket->disconnect();
            m_sides.clear();
        },
        Qt::BlockingQueuedConnection);
    m_server.release()->deleteLater(); // By its thread, before that ends.
    m_thread.quit();
    m_thread.wait();
}

void FrameRelay::accept()
{
    while (QTcpSocket *accepted = m_server->nextPendingConnection()) {
        accepted->setParent(nullptr); // Its side owns it.
        Side *const dialler = m_sides.emplace_back(new Side).get();
        dialler->socket.reset(accepted);
        Side *const node = m_sides.emplace_back(new Side).get();
        node->socket = std::make_unique<QTcpSocket>();
        node->socket->connectToHost(QString::fromLatin1(m_target.host), m_target.port);
        for (const auto &[from, to] : {std::pair(dialler, node), std::pair(node, dialler)}) {
            from->parser.setFrameBytesMax(core::kFrameBytesMax);
            to->socket->write(cluster::kPreamble.data(), cluster::kPreamble.size());
            QObject::connect(from->socket.get(), &QTcpSocket::readyRead, from->socket.get(),
                             [this, from = from, to = to] { read(*from, *to); });
            QObject::connect(from->socket.get(), &QTcpSocket::disconnected, from->socket.get(),
                             [this, from = from, to = to] {
                                 read(*from, *to);
                                 if (to->socket->state() != QAbstractSocket::ConnectedState)
                                     return;
                                 ++m_endedLinks;
                                 to->socket->disconnectFromHost();
                             });
        }
        read(*dialler, *node);
    }
}

void FrameRelay::read(Side &from, Side &to)
{
    from.parser.feed(from.socket->readAll());
    while (auto frame = from.parser.next()) {
        ++m_seen.at(frame->type);
        for (const cluster::Frame &each : m_rewrite(*std::move(frame)))
            to.socket->write(cluster::encodeFrame(each));
    }
}

} // namespace dynakv::test
