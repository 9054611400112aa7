// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/connection.h"

#include "daemon/http/front_door.h"

#include <QLoggingCategory>

#include <algorithm>
#include <cstring>
#include <utility>

/// The virtual socket: how a request passes through Qt's HTTP server. Qt reads the same short
/// request for every one of them and calls its handler, which takes the real one from here and
/// answers here: so nothing is parsed or formatted twice, bodies are not copied, and no byte of a
/// client ever reaches Qt's parser. docs/decisions/0002-front-door.md has the measurement.
namespace dynakv::http {
namespace {

Q_LOGGING_CATEGORY(lcDispatch, "dynakv.http.connection", QtInfoMsg)

constexpr QByteArrayView kDispatched = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr Refusal kNotDispatched{500, "internal", "This request was lost on its way."};

} // namespace

void Connection::deliver()
{
    m_request.body = std::exchange(m_body, QByteArray());
    m_phase = Phase::Answering;
    m_deadlineMs = m_door.beginDelivery(*this) / 1000 + m_door.config().answerTimeoutMs;
    m_dispatchAt = 0;
    m_isUntaken = true;
    m_isDispatching = true;
    Q_EMIT readyRead();
    m_isDispatching = false;
    m_door.endDelivery();
    if (m_phase == Phase::Answering && m_isUntaken) {
        qCWarning(lcDispatch) << "a request was not dispatched";
        refuse(kNotDispatched);
    } else if (m_reply) {
        sendReply(*std::exchange(m_reply, std::nullopt));
    }
}

std::optional<HttpRequest> Connection::takeRequest()
{
    if (!m_isDispatching || !std::exchange(m_isUntaken, false))
        return std::nullopt;
    return std::move(m_request);
}

void Connection::answer(HttpReply reply)
{
    // After a time-out or a client that left, a late answer has nowhere to go.
    if (m_phase != Phase::Answering)
        return;
    if (m_isDispatching) {
        m_reply = std::move(reply); // Until Qt is out of the way.
        return;
    }
    sendReply(reply);
    if (m_phase != Phase::Head)
        return;
    flush();
    if (!m_input.isEmpty() || m_hasInput || m_hasInputEnded)
        QMetaObject::invokeMethod(this, &Connection::pump, Qt::QueuedConnection);
}

void Connection::sendReply(const HttpReply &reply)
{
    const bool isStream = m_stream != nullptr;
    const bool closes = !m_keepsAlive || m_door.isDraining() || (isStream && !m_isHead);
    AnswerFrame answerFrame = frame(closes);
    answerFrame.isEndless = isStream;
    send(reply, answerFrame);
    if (isStream && !m_isHead) {
        beginStream();
        return;
    }
    m_stream.reset();
    if (closes)
        linger();
    else
        expectRequest();
}

qint64 Connection::bytesAvailable() const
{
    const qint64 waiting = m_isDispatching ? kDispatched.size() - m_dispatchAt : 0;
    return waiting + QIODevice::bytesAvailable();
}

qint64 Connection::readData(char *data, qint64 bytesMax)
{
    const qint64 bytes =
        m_isDispatching ? std::min<qint64>(bytesMax, kDispatched.size() - m_dispatchAt) : 0;
    std::memcpy(data, kDispatched.data() + m_dispatchAt, static_cast<std::size_t>(bytes));
    m_dispatchAt += bytes;
    return bytes;
}

qint64 Connection::writeData(const char *, qint64 bytes)
{
    qCWarning(lcDispatch) << "Qt's HTTP server answered a request by itself; cut off";
    leave();
    return bytes;
}

void Connection::disconnectFromHost()
{
    if (m_phase == Phase::Answering)
        qCWarning(lcDispatch) << "a request that the front door let through was refused behind it";
    leave();
}

} // namespace dynakv::http
