// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/connection.h"

#include "daemon/http/front_door.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/request_scope.h"

#include <QLoggingCategory>

#include <limits>
#include <utility>

namespace dynakv::http {
namespace {

Q_LOGGING_CATEGORY(lcConnection, "dynakv.http.connection", QtInfoMsg)

/// An idle connection keeps no buffer larger than this.
constexpr qsizetype kKeptCapacity = 8 * 1024;

constexpr Refusal kHeadTimedOut{408, "timeout", "The request head did not arrive in time."};
constexpr Refusal kBodyTimedOut{408, "timeout", "The body did not arrive in time."};
constexpr Refusal kAnswerTimedOut{503, "no_answer",
                                  "No answer was found in time; the outcome of a "
                                  "write is unknown."};
void release(QByteArray &buffer)
{
    if (buffer.capacity() > kKeptCapacity)
        buffer = QByteArray();
    else
        buffer.resize(0);
}

} // namespace

Connection::Connection(qintptr descriptor, FrontDoor &door)
    : QTcpSocket(&door)
    , m_door(door)
    , m_client(descriptor, door.poller())
{
    if (!m_client.isOpen()) {
        qCWarning(lcConnection) << "the system refused to set a connection up";
        m_phase = Phase::Closed;
        return;
    }
    const native::Ends ends = m_client.ends();
    setPeerAddress(ends.peer);
    setPeerPort(ends.peerPort);
    setLocalAddress(ends.local);
    setLocalPort(ends.localPort);
    setOpenMode(QIODevice::ReadWrite);
    setSocketState(ConnectedState);
    connect(&m_client, &ClientSocket::readable, this, &Connection::onReadable);
    connect(&m_client, &ClientSocket::written, this, &Connection::onWritten);
    connect(&m_client, &ClientSocket::gone, this, &Connection::leave);
    expectRequest();
}

Connection::~Connection()
{
    m_client.disconnect(this);
    // Once closed it no longer knows the door, which may be gone before it.
    if (m_phase != Phase::Closed) {
        m_door.returnBodyBytes(m_accountedBytes);
        m_door.forget(this);
    }
    setSocketState(UnconnectedState); // Else the base class would act on a socket it never had.
}

void Connection::refuse(const Refusal &refusal)
{
    m_door.metrics().addRefusal(refusal.code);
    if (m_requestId.isEmpty())
        m_requestId = m_door.nextRequestId();
    const base::RequestScope scope(m_requestId);
    qCDebug(lcConnection, "refused %s: %d %s", qPrintable(peerAddress().toString()), refusal.status,
            refusal.code);
    send(refusalReply(refusal, m_requestId), frame(true));
    linger();
}

AnswerFrame Connection::frame(bool closes) const
{
    return {m_door.httpDate(), m_requestId, m_isHead, closes, m_isHttp10, false};
}

void Connection::expectRequest()
{
    m_phase = Phase::Head;
    m_door.returnBodyBytes(m_accountedBytes);
    m_accountedBytes = 0;
    release(m_body);
    if (m_input.isEmpty())
        release(m_input);
    m_requestId.clear();
    m_isHead = false;
    m_judgedBytes = 0;
    m_deadlineMs = m_door.nowMs() + (m_input.isEmpty() ? m_door.config().idleTimeoutMs
                                                       : m_door.config().headTimeoutMs);
}

void Connection::linger()
{
    m_phase = Phase::Lingering;
    m_input = QByteArray();
    m_body = QByteArray(); // It may be a large one that was refused.
    m_door.returnBodyBytes(m_accountedBytes);
    m_accountedBytes = 0;
    m_deadlineMs = m_door.nowMs() + m_door.config().lingerMs;
    flush();
    m_client.closeWriting();
    m_client.setReading(true);
    if (m_hasInputEnded)
        leaveOnceWritten();
}

void Connection::send(QByteArrayView wire)
{
    m_unsent.append(wire);
    m_door.metrics().bytesSent.add(wire.size());
}

void Connection::send(const HttpReply &reply, const AnswerFrame &frame)
{
    const qsizetype before = m_unsent.size();
    appendReply(m_unsent, reply, frame);
    m_door.metrics().bytesSent.add(m_unsent.size() - before);
}

void Connection::flush()
{
    if (m_unsent.isEmpty())
        return;
    m_client.write(m_unsent);
    release(m_unsent);
    if (m_client.bytesToWrite() > 0 && m_writeDeadlineMs == 0)
        m_writeDeadlineMs = m_door.nowMs() + m_door.config().writeStallMs;
    accountUnsent();
}

/// Each connection has its bound, and all together have one: many clients that ask for large values
/// and do not read would else fill the memory. Those at fault are those that hold the most.
void Connection::accountUnsent()
{
    const qsizetype unsent = m_client.bytesToWrite();
    const qsizetype change = unsent - std::exchange(m_accountedUnsent, unsent);
    if (change == 0 || !m_door.holdsTooMuch(change, unsent) || change < 0)
        return;
    m_door.metrics().addCut(Cut::Unsent);
    m_client.cut();
    accountUnsent();
    // Whoever writes is in the middle of something.
    QMetaObject::invokeMethod(this, &Connection::leave, Qt::QueuedConnection);
}

void Connection::onWritten()
{
    const qsizetype unsent = m_client.bytesToWrite();
    m_writeDeadlineMs = unsent > 0 ? m_door.nowMs() + m_door.config().writeStallMs : 0;
    accountUnsent();
    if (m_phase == Phase::Lingering && unsent == 0 && m_hasInputEnded)
        leave();
    else if (m_phase == Phase::Streaming && unsent == 0)
        m_stream->onSent();
    else if (m_phase == Phase::Head && unsent <= m_door.config().backlogBytesMax)
        pump();
}

/// The client sends no more, but may well read what it has asked for.
void Connection::leaveOnceWritten()
{
    flush();
    m_client.closeWriting();
    m_client.setReading(false);
    if (m_client.bytesToWrite() == 0) {
        leave();
        return;
    }
    m_phase = Phase::Lingering;
    m_deadlineMs = std::numeric_limits<qint64>::max(); // The write deadline holds.
}

void Connection::leave()
{
    if (m_phase == Phase::Closed)
        return;
    m_phase = Phase::Closed;
    m_client.close();
    accountUnsent();
    m_stream.reset();
    m_door.returnBodyBytes(m_accountedBytes);
    m_accountedBytes = 0;
    m_door.forget(this);
    setSocketState(UnconnectedState);
    Q_EMIT disconnected();
}

void Connection::sweep(qint64 nowMs)
{
    if (m_writeDeadlineMs != 0 && nowMs >= m_writeDeadlineMs) {
        m_door.metrics().addCut(Cut::WriteTimeout);
        m_client.cut();
        leave();
        return;
    }
    // Between requests a client that reads slowly is watched by the write deadline alone.
    if (nowMs < m_deadlineMs || (m_phase == Phase::Head && m_client.bytesToWrite() > 0))
        return;
    DoorMetrics &metrics = m_door.metrics();
    switch (m_phase) {
    case Phase::Head:
        metrics.addCut(m_input.isEmpty() ? Cut::Idle : Cut::HeadTimeout);
        if (m_input.isEmpty())
            leave();
        else
            refuse(kHeadTimedOut);
        return;
    case Phase::Body:
        metrics.addCut(Cut::BodyTimeout);
        refuse(kBodyTimedOut);
        return;
    case Phase::Answering:
        metrics.addCut(Cut::AnswerTimeout);
        refuse(kAnswerTimedOut);
        return;
    case Phase::Lingering:
        metrics.addCut(Cut::Linger);
        leave();
        return;
    case Phase::Streaming:
    case Phase::Closed:
        return;
    }
}

void Connection::drain()
{
    // What is in flight ends the connection by itself, since the door is draining.
    if (m_phase == Phase::Head && m_input.isEmpty())
        leaveOnceWritten();
    else if (m_phase == Phase::Streaming)
        endStream();
}

} // namespace dynakv::http
