// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/cluster/raw_peer.h"

#include "daemon/cluster/message_codec.h"

#include <QHostAddress>
#include <QNetworkProxy>
#include <QtTest>

namespace dynakv::cluster {

RawPeer::RawPeer(quint16 port)
{
    m_parser.setFrameBytesMax(core::kFrameBytesMax);
    m_socket.setProxy(QNetworkProxy::NoProxy);
    m_socket.setReadBufferSize(64 << 10);
    connect(&m_socket, &QTcpSocket::readyRead, this, &RawPeer::read);
    m_socket.connectToHost(QHostAddress::LocalHost, port);
}

bool RawPeer::waitUntilConnected()
{
    return QTest::qWaitFor([this] { return m_socket.state() == QAbstractSocket::ConnectedState; },
                           5000);
}

bool RawPeer::isClosed() const
{
    return m_socket.state() == QAbstractSocket::UnconnectedState;
}

void RawPeer::send(const core::Message &message)
{
    write(encodeMessage(message));
}

void RawPeer::introduce(core::NodeId id)
{
    core::Hello hello;
    hello.node = id;
    hello.generation = 1;
    hello.bootId = 1;
    hello.apiPort = 1;
    hello.clusterPort = 1;
    write(kPreamble);
    send(hello);
}

void RawPeer::setReading(bool isReading)
{
    m_isReading = isReading;
    QMetaObject::invokeMethod(this, &RawPeer::read, Qt::QueuedConnection);
}

void RawPeer::read()
{
    while (m_isReading && m_socket.bytesAvailable() > 0) {
        m_parser.feed(m_socket.readAll());
        while (const auto frame = m_parser.next()) {
            auto message = decodeMessage(*frame);
            QVERIFY(message && message->has_value());
            m_messages.push_back(std::move(**message));
        }
        QVERIFY(!m_parser.fault());
    }
}

} // namespace dynakv::cluster
