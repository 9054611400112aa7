// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/naive_backend.h"

#include <QTcpSocket>

#include <memory>

namespace dynakv::test {
namespace {

/// The value of a field, its name trimmed; that is the fault.
QByteArray fieldOf(const QByteArray &head, const QByteArray &name)
{
    for (const QByteArray &line : head.split('\n')) {
        const qsizetype colon = line.indexOf(':');
        if (colon > 0 && line.first(colon).trimmed().toLower() == name)
            return line.sliced(colon + 1).trimmed();
    }
    return {};
}

} // namespace

NaiveBackend::NaiveBackend(Fault fault)
    : m_fault(fault)
{
    connect(this, &QTcpServer::newConnection, this, &NaiveBackend::accept);
    listen(QHostAddress::LocalHost);
}

void NaiveBackend::accept()
{
    while (QTcpSocket *const socket = nextPendingConnection()) {
        const auto received = std::make_shared<QByteArray>();
        connect(socket, &QTcpSocket::readyRead, this, [this, socket, received] {
            *received += socket->readAll();
            serve(*socket, *received);
        });
        connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    }
}

void NaiveBackend::serve(QTcpSocket &socket, QByteArray &received)
{
    for (;;) {
        // Whatever it takes to find the next request.
        const qsizetype lineEnd = received.indexOf("\r\n");
        if (lineEnd >= 0 && !received.first(lineEnd).contains(" HTTP/1.")) {
            received.remove(0, lineEnd + 2);
            continue;
        }
        const qsizetype headEnd = received.indexOf("\r\n\r\n");
        if (headEnd < 0)
            return;
        const QByteArray head = received.first(headEnd);
        const qsizetype end = bodyEnd(head, received);
        if (end < 0)
            return;
        socket.write(execute(head, received.mid(headEnd + 4, end - headEnd - 4)));
        received.remove(0, end);
    }
}

qsizetype NaiveBackend::bodyEnd(const QByteArray &head, const QByteArray &received) const
{
    const qsizetype start = head.size() + 4;
    if (m_fault == Fault::TrimsFieldNames && fieldOf(head, "transfer-encoding") == "chunked") {
        const qsizetype last = received.indexOf("0\r\n\r\n", start);
        return last < 0 ? -1 : last + 5;
    }
    if (m_fault == Fault::ExpectsNoBodyOfGet && head.startsWith("GET "))
        return start;
    const qsizetype end = start + fieldOf(head, "content-length").toLongLong();
    return received.size() < end ? -1 : end;
}

QByteArray NaiveBackend::execute(const QByteArray &head, const QByteArray &body)
{
    const QByteArrayList words = head.first(head.indexOf("\r\n")).split(' ');
    m_executed += words.value(0) + ' ' + words.value(1);
    if (words.value(0) == "PUT")
        m_values[words.value(1)] = body;
    const QByteArray value = words.value(0) == "GET" ? m_values[words.value(1)] : QByteArray("{}");
    return "HTTP/1.1 " + QByteArray(value.isEmpty() ? "404 Not Found" : "200 OK") +
           "\r\nX-Request-Id: " + fieldOf(head, "x-request-id") +
           "\r\nContent-Length: " + QByteArray::number(value.size()) + "\r\n\r\n" + value;
}

} // namespace dynakv::test
