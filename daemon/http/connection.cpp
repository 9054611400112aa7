// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/connection.h"

#include "daemon/http/front_door.h"
#include "daemon/http/incoming_request.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/request_scope.h"

#include <QLoggingCategory>

#include <algorithm>
#include <limits>

namespace dynakv::http {
namespace {

Q_LOGGING_CATEGORY(lcConnection, "dynakv.http.connection", QtInfoMsg)

/// What a client may have sent ahead while its request is being answered.
constexpr qsizetype kAheadBytesMax = 64 * 1024;
/// After so many requests of one client the others have their turn.
constexpr int kRequestsPerTurn = 16;
constexpr qsizetype kJudgedStep = 1024;
/// An idle connection keeps no buffer larger than this.
constexpr qsizetype kKeptCapacity = 8 * 1024;

constexpr Refusal kHeadTimedOut{408, "timeout", "The request head did not arrive in time."};
constexpr Refusal kBodyTimedOut{408, "timeout", "The body did not arrive in time."};
constexpr Refusal kAnswerTimedOut{503, "no_answer",
                                  "No answer was found in time; the outcome of a "
                                  "write is unknown."};
constexpr Refusal kBodyTooLarge{413, "too_large", "The body is larger than it may be here."};
constexpr Refusal kBadChunk{400, "bad_framing", "The chunked body is malformed."};
constexpr Refusal kOverloaded{503, "overload", "Too many bodies are arriving at once; try later."};

/// Ids from outside go into logs and answers, so that only plain ones are taken over.
bool isRequestId(QByteArrayView text)
{
    if (text.isEmpty() || text.size() > 64)
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

qsizetype bodyBytesMaxOf(QByteArrayView path, const FrontDoorConfig &config)
{
    for (const auto &[each, bytes] : config.bodyBytesMaxOf) {
        if (path == each)
            return bytes;
    }
    return config.bodyBytesMax;
}

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

void Connection::onReadable()
{
    m_hasInput = true;
    switch (m_phase) {
    case Phase::Head:
    case Phase::Body:
        pump();
        return;
    case Phase::Answering:
        // Read on, within bounds, to learn that a client left.
        while (m_input.size() < kAheadBytesMax && readMore()) {
        }
        m_client.setReading(m_input.size() < kAheadBytesMax && !m_hasInputEnded);
        return;
    case Phase::Streaming:
    case Phase::Lingering:
        discardInput();
        return;
    case Phase::Closed:
        return;
    }
}

void Connection::pump()
{
    if (m_isBusy)
        return;
    m_isBusy = true;
    m_requestsThisTurn = 0;
    bool hasMore = true;
    while (hasMore && m_requestsThisTurn < kRequestsPerTurn) {
        hasMore =
            (m_phase == Phase::Head && advanceHead()) || (m_phase == Phase::Body && advanceBody());
    }
    m_isBusy = false;
    if (hasMore)
        QMetaObject::invokeMethod(this, &Connection::pump, Qt::QueuedConnection);
    flush();
}

/// Between requests and within one: what is there now, and whether that is anything.
bool Connection::takeInput()
{
    const bool isFirst = m_phase == Phase::Head && m_input.isEmpty();
    const bool hasMore = readMore();
    if (hasMore && isFirst)
        m_deadlineMs = m_door.nowMs() + m_door.config().headTimeoutMs;
    if (m_hasInputEnded)
        leaveOnceWritten();
    else
        m_client.setReading(true);
    return hasMore && !m_hasInputEnded;
}

bool Connection::readMore()
{
    if (!m_hasInput)
        return false;
    std::vector<char> &buffer = m_door.readBuffer();
    const auto bytesMax = static_cast<qsizetype>(buffer.size());
    const native::Transfer transfer = m_client.read(buffer.data(), bytesMax);
    m_hasInput = transfer.bytes == bytesMax;
    m_hasInputEnded = m_hasInputEnded || transfer.outcome == native::Outcome::Ended;
    if (transfer.outcome == native::Outcome::Failed)
        leave();
    if (transfer.outcome != native::Outcome::Done)
        return false;
    m_input.append(buffer.data(), transfer.bytes);
    m_door.metrics().bytesReceived.add(transfer.bytes);
    return true;
}

/// Behind the last request of a connection; a client that sends without end has its deadline.
void Connection::discardInput()
{
    std::vector<char> &buffer = m_door.readBuffer();
    const native::Transfer transfer =
        m_client.read(buffer.data(), static_cast<qsizetype>(buffer.size()));
    switch (transfer.outcome) {
    case native::Outcome::Done:
        m_door.metrics().bytesReceived.add(transfer.bytes);
        return;
    case native::Outcome::WouldBlock:
        return;
    case native::Outcome::Ended:
        m_hasInputEnded = true;
        if (m_phase == Phase::Lingering) {
            leaveOnceWritten();
            return;
        }
        [[fallthrough]];
    case native::Outcome::Failed:
        leave();
        return;
    }
}

bool Connection::advanceHead()
{
    if (m_unsent.size() > m_door.config().backlogBytesMax)
        flush(); // Only what the system does not take is owed to the client.
    if (m_client.bytesToWrite() > m_door.config().backlogBytesMax) {
        m_door.metrics().backlogPauses.add();
        m_hasInput = true;
        m_client.setReading(false);
        return false; // The client must read first: onWritten() goes on.
    }
    // A head can end, or go wrong, only with a line or at its first byte or a limit, so that a
    // client cannot make us read it over and over by sending single bytes.
    const QByteArrayView fresh = QByteArrayView(m_input).sliced(m_judgedBytes);
    const bool isWorthJudging = (m_judgedBytes == 0 && !fresh.isEmpty()) || fresh.contains('\n') ||
                                m_input.size() / kJudgedStep != m_judgedBytes / kJudgedStep;
    if (isWorthJudging) {
        const HeadResult result = parseHead(m_input, m_door.config().head);
        if (const auto *refusal = std::get_if<Refusal>(&result)) {
            refuse(*refusal);
            return false;
        }
        if (const auto *head = std::get_if<RequestHead>(&result)) {
            begin(*head);
            return true;
        }
    }
    m_judgedBytes = m_input.size();
    return takeInput();
}

void Connection::begin(const RequestHead &head)
{
    m_door.metrics().heads.add();
    ++m_requestsThisTurn;
    const QByteArrayView id = head.value("x-request-id");
    m_requestId = isRequestId(id) ? id.toByteArray() : m_door.nextRequestId();
    m_isHead = head.method == Method::Head;
    m_isHttp10 = head.isHttp10;
    m_keepsAlive = head.keepsAlive;
    m_framing = head.framing;
    m_contentLength = head.contentLength;
    m_bodyBytesMax = bodyBytesMaxOf(head.path, m_door.config());
    if (const auto refusal = refusalFor(head)) {
        refuse(*refusal);
        return;
    }
    m_request = requestFrom(head, m_requestId);
    const bool asksToContinue = head.expectsContinue && m_input.size() == head.size;
    m_input.remove(0, head.size);
    m_judgedBytes = 0;
    if (m_framing == BodyFraming::None ||
        (m_framing == BodyFraming::Length && m_contentLength == 0)) {
        deliver();
        return;
    }
    if (asksToContinue)
        send("HTTP/1.1 100 Continue\r\n\r\n");
    m_phase = Phase::Body;
    m_bodyStartMs = m_door.nowMs();
    m_bodyWireBytes = 0;
    m_deadlineMs = m_bodyStartMs + m_door.config().bodyGraceMs;
    m_chunks = ChunkedDecoder(m_bodyBytesMax);
}

std::optional<Refusal> Connection::refusalFor(const RequestHead &head) const
{
    if (const auto refusal = refusalOf(head, m_door.config().hosts))
        return refusal;
    if (head.contentLength > m_bodyBytesMax)
        return kBodyTooLarge;
    return std::nullopt;
}

bool Connection::advanceBody()
{
    if (m_input.isEmpty() && !takeInput())
        return false;
    m_bodyWireBytes += m_input.size();
    m_deadlineMs = m_bodyStartMs + m_door.config().bodyGraceMs +
                   m_bodyWireBytes * 1000 / m_door.config().bodyBytesPerSecondMin;
    if (m_framing == BodyFraming::Length)
        keepPlainBody();
    else
        keepChunkedBody();
    return m_phase == Phase::Body || m_phase == Phase::Head;
}

void Connection::keepPlainBody()
{
    const qint64 missing = m_contentLength - m_body.size();
    const auto part = static_cast<qsizetype>(std::min<qint64>(missing, m_input.size()));
    m_body.append(QByteArrayView(m_input).first(part));
    m_input.remove(0, part);
    if (accountBody() && m_body.size() == m_contentLength)
        deliver();
}

void Connection::keepChunkedBody()
{
    QByteArrayView rest(m_input);
    const ChunkedDecoder::Status status = m_chunks.feed(rest, m_body);
    m_input.remove(0, m_input.size() - rest.size());
    switch (status) {
    case ChunkedDecoder::Status::Malformed:
        refuse(kBadChunk);
        return;
    case ChunkedDecoder::Status::TooLarge:
        refuse(kBodyTooLarge);
        return;
    case ChunkedDecoder::Status::NeedMore:
    case ChunkedDecoder::Status::Done:
        break;
    }
    if (accountBody() && status == ChunkedDecoder::Status::Done)
        deliver();
}

bool Connection::accountBody()
{
    if (!m_door.takeBodyBytes(m_body.size() - m_accountedBytes)) {
        refuse(kOverloaded);
        return false;
    }
    m_accountedBytes = m_body.size();
    return true;
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
}

void Connection::onWritten()
{
    const qsizetype unsent = m_client.bytesToWrite();
    m_writeDeadlineMs = unsent > 0 ? m_door.nowMs() + m_door.config().writeStallMs : 0;
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
