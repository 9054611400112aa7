// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/connection.h"

#include "daemon/http/front_door.h"
#include "daemon/http/incoming_request.h"

#include <algorithm>

/// What comes from the client: its bytes, up to the whole request.
namespace dynakv::http {
namespace {

/// What a client may have sent ahead while its request is being answered.
constexpr qsizetype kAheadBytesMax = 64 * 1024;
/// After so many requests of one client the others have their turn.
constexpr int kRequestsPerTurn = 16;
constexpr qsizetype kJudgedStep = 1024;

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

} // namespace

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

} // namespace dynakv::http
