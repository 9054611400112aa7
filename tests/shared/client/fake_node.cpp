// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/shared/client/fake_node.h"

namespace dynakv::test {
namespace {

/// Takes the first whole request out of \a buffer; false while it is incomplete.
bool takeRequest(QByteArray &buffer, FakeRequest &request)
{
    const qsizetype headEnd = buffer.indexOf("\r\n\r\n");
    if (headEnd < 0)
        return false;
    const QList<QByteArray> lines = buffer.first(headEnd).split('\n');
    const QList<QByteArray> first = lines.first().trimmed().split(' ');
    request.method = first.value(0);
    request.target = first.value(1);
    for (qsizetype i = 1; i < lines.size(); ++i) {
        const qsizetype colon = lines[i].indexOf(':');
        request.headers.insert(lines[i].first(colon).toLower(),
                               lines[i].sliced(colon + 1).trimmed());
    }
    const qsizetype length = request.headers.value("content-length", "0").toLongLong();
    if (buffer.size() < headEnd + 4 + length)
        return false;
    request.body = buffer.sliced(headEnd + 4, length);
    buffer.remove(0, headEnd + 4 + length);
    return true;
}

} // namespace

FakeNode::FakeNode(Handler handler)
    : m_handler(std::move(handler))
{
    connect(&m_server, &QTcpServer::newConnection, this, [this] {
        while (QTcpSocket *socket = m_server.nextPendingConnection())
            serve(socket);
    });
    if (m_server.listen(QHostAddress::LocalHost))
        m_port = m_server.serverPort();
}

FakeNode::~FakeNode()
{
    kill();
}

base::Endpoint FakeNode::endpoint() const
{
    return {"127.0.0.1", m_port};
}

void FakeNode::kill()
{
    m_server.close();
    const auto sockets = m_server.findChildren<QTcpSocket *>();
    for (QTcpSocket *socket : sockets) {
        socket->disconnect(this);
        socket->abort();
        socket->deleteLater();
    }
}

bool FakeNode::revive()
{
    return m_server.listen(QHostAddress::LocalHost, m_port);
}

void FakeNode::setHolding(bool isHolding)
{
    m_isHolding = isHolding;
    if (isHolding)
        return;
    for (const auto &[socket, answer] : std::exchange(m_held, {}))
        if (socket)
            socket->write(answer);
}

void FakeNode::serve(QTcpSocket *socket)
{
    connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    connect(socket, &QTcpSocket::readyRead, this, [this, socket, buffer = QByteArray()]() mutable {
        buffer += socket->readAll();
        for (FakeRequest request; takeRequest(buffer, request); request = {}) {
            m_seen.push_back(request);
            if (m_isClosing) {
                socket->abort();
                return;
            }
            if (m_isSilent)
                continue;
            const QByteArray answer = m_handler(request);
            if (m_isHolding)
                m_held.emplace_back(socket, answer);
            else if (!answer.isEmpty())
                socket->write(answer);
        }
    });
}

QByteArray FakeNode::response(int status, const QByteArray &body, const QByteArray &extraHeaders,
                              const QByteArray &contentType)
{
    return "HTTP/1.1 " + QByteArray::number(status) + " Status\r\nContent-Type: " + contentType +
           "\r\nContent-Length: " + QByteArray::number(body.size()) + "\r\n" + extraHeaders +
           "\r\n" + body;
}

} // namespace dynakv::test
