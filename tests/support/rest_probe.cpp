// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/rest_probe.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>

namespace dynakv::test {
namespace {

/// -1 where the header has no length.
qsizetype contentLengthOf(const QByteArray &head)
{
    for (const QByteArray &line : head.split('\n')) {
        if (line.toLower().startsWith("content-length:"))
            return line.sliced(line.indexOf(':') + 1).trimmed().toLongLong();
    }
    return -1;
}

HttpAnswer parse(const QByteArray &received)
{
    HttpAnswer answer;
    const qsizetype end = received.indexOf("\r\n\r\n");
    if (end < 0) {
        answer.failure = "the connection ended before the answer did";
        return answer;
    }
    const QList<QByteArray> lines = received.first(end).split('\n');
    answer.status = lines.value(0).split(' ').value(1).toInt();
    for (const QByteArray &line : lines.mid(1)) {
        const qsizetype colon = line.indexOf(':');
        answer.headers[line.first(std::max<qsizetype>(colon, 0)).toLower()] =
            line.sliced(colon + 1).trimmed();
    }
    answer.body = received.sliced(end + 4);
    return answer;
}

} // namespace

QJsonObject HttpAnswer::object() const
{
    return QJsonDocument::fromJson(body).object();
}

Exchange::Exchange(const base::Endpoint &node, const QByteArray &requestHead,
                   const QByteArray &body)
    : m_socket(std::make_unique<QTcpSocket>())
    , m_request(requestHead + "Host: " + node.toString() + "\r\nConnection: close\r\n\r\n" + body)
{
    m_socket->connectToHost(QString::fromLatin1(node.host), node.port);
    // On the loopback a listener's backlog answers at once.
    if (m_socket->waitForConnected(2000)) {
        m_socket->write(m_request);
        m_socket->flush();
    }
}

bool Exchange::isComplete() const
{
    const qsizetype end = m_received.indexOf("\r\n\r\n");
    if (end < 0)
        return false;
    const qsizetype length = contentLengthOf(m_received.first(end));
    return length >= 0 && m_received.size() >= end + 4 + length;
}

bool Exchange::isOver()
{
    if (m_socket->state() == QAbstractSocket::ConnectedState)
        m_socket->waitForReadyRead(0);
    m_received += m_socket->readAll();
    return m_socket->state() != QAbstractSocket::ConnectedState || isComplete();
}

HttpAnswer Exchange::finish(int timeoutMs)
{
    QElapsedTimer elapsed;
    elapsed.start();
    while (!isOver()) {
        const int left = timeoutMs - static_cast<int>(elapsed.elapsed());
        if (left <= 0)
            return {0, {}, {}, "no answer in time"};
        m_socket->waitForReadyRead(left);
    }
    if (m_received.isEmpty())
        return {0, {}, {}, m_socket->errorString().toUtf8()};
    return parse(m_received);
}

Exchange RestProbe::begin(const QByteArray &method, const QByteArray &target,
                          const QByteArray &body, const QByteArray &fields) const
{
    QByteArray head = method + ' ' + target + " HTTP/1.1\r\n" + fields;
    if (method == "PUT" || method == "POST") {
        head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
                QByteArray::number(body.size()) + "\r\n";
    }
    return {m_node, head, body};
}

HttpAnswer RestProbe::get(const QByteArray &target, int timeoutMs) const
{
    return begin("GET", target).finish(timeoutMs);
}

HttpAnswer RestProbe::put(const QByteArray &target, const QByteArray &body) const
{
    return begin("PUT", target, body).finish();
}

HttpAnswer RestProbe::del(const QByteArray &target) const
{
    return begin("DELETE", target).finish();
}

HttpAnswer RestProbe::batch(const QByteArray &lines, const QByteArray &query, int timeoutMs) const
{
    const QByteArray head = "POST /v1/batch" + query +
                            " HTTP/1.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: " +
                            QByteArray::number(lines.size()) + "\r\n";
    return Exchange(m_node, head, lines).finish(timeoutMs);
}

bool RestProbe::putValue(const QByteArray &key, const QByteArray &json) const
{
    return put("/key/" + key, R"({"value":)" + json + '}').status == 200;
}

QByteArray RestProbe::value(const QByteArray &key) const
{
    const HttpAnswer answer = get("/key/" + key);
    const QByteArray start = R"({"value":)";
    if (answer.status != 200 || !answer.body.startsWith(start))
        return {};
    // The text between is the value as it was sent.
    return answer.body.trimmed().chopped(1).sliced(start.size()).trimmed();
}

QList<QByteArray> RestProbe::members() const
{
    QList<QByteArray> members;
    for (const QJsonValue each : QJsonDocument::fromJson(get("/membership", 1000).body).array())
        members.push_back(each.toString().toUtf8());
    return members;
}

bool RestProbe::isReady() const
{
    return get("/readyz", 1000).status == 200;
}

} // namespace dynakv::test
