// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/connection.h"

#include "daemon/http/front_door.h"

#include <limits>

/// Answers whose body has no end. Qt's HTTP server takes the head for a whole answer and is done
/// with it, in each of its versions; the parts that follow never pass through it.
namespace dynakv::http {
namespace {

constexpr int kSystemBytes = 128 * 1024;

} // namespace

void Connection::followWith(std::unique_ptr<BodyStream> stream)
{
    if (m_phase == Phase::Answering)
        m_stream = std::move(stream);
}

void Connection::beginStream()
{
    m_phase = Phase::Streaming;
    m_deadlineMs = std::numeric_limits<qint64>::max();
    // The end of the stream is that of the connection: what was sent behind the request will not be
    // answered, and whoever sent it knows by that.
    m_input = QByteArray();
    m_client.setReading(true);
    // Else the system alone would keep megabytes for each client that does not read.
    m_client.limitSendBuffer(kSystemBytes);
    flush();
    if (m_hasInputEnded)
        leave();
    else if (m_door.isDraining())
        endStream();
}

bool Connection::hasRoom() const
{
    return m_phase == Phase::Streaming && m_client.bytesToWrite() == 0;
}

void Connection::sendPart(const QByteArray &part)
{
    if (m_phase != Phase::Streaming)
        return;
    send(m_isHttp10 ? part : QByteArray::number(part.size(), 16) + "\r\n" + part + "\r\n");
    flush();
}

void Connection::endStream()
{
    m_stream.reset();
    if (!m_isHttp10)
        send("0\r\n\r\n");
    linger();
}

} // namespace dynakv::http
