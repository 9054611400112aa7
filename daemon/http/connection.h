// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/answer_framing.h"
#include "daemon/http/body_stream.h"
#include "daemon/http/chunked_decoder.h"
#include "daemon/http/client_socket.h"
#include "daemon/http/head_parser.h"
#include "daemon/http/http_message.h"

#include <QTcpSocket>

#include <memory>
#include <optional>

namespace dynakv::http {

class FrontDoor;

/// One client, seen from both sides. Towards the client it owns the real socket and speaks strict
/// HTTP/1.1 on it. Towards Qt's HTTP server it *is* a QTcpSocket, a virtual one, through which Qt
/// dispatches a request as soon as that is whole.
///
/// One request is in flight at a time, so that pipelined ones are answered in order however late an
/// answer comes. A client that leaves makes the virtual socket disconnect; Qt then deletes it.
///
/// Thread: the front door's.
class Connection final : public QTcpSocket
{
    Q_OBJECT
public:
    /// Connected from the start, unless the system refused the descriptor. \a door outlives it.
    Connection(qintptr descriptor, FrontDoor &door);
    ~Connection() override;

    /// Acts on what has waited too long.
    void sweep(qint64 nowMs);
    /// Closes now if idle, else after the answer in flight.
    void drain();
    /// Cuts the client off.
    void leave();

    /// @name The handler's side
    /// @{
    /// The request that Qt is dispatching; nothing where it was taken already.
    [[nodiscard]] std::optional<HttpRequest> takeRequest();
    /// Once for each request that was taken, now or later. A client that was refused meanwhile gets
    /// none.
    void answer(HttpReply reply);
    /// @}

    /// @name An answer without an end
    /// @{
    /// Of the request that Qt is being given: behind the head of its answer, which has no body,
    /// comes what \a stream sends, in chunks for HTTP/1.1. A HEAD gets none of it.
    void followWith(std::unique_ptr<BodyStream> stream);
    /// Whether the last part has left. Whoever waits for that has never more than one part here.
    [[nodiscard]] bool hasRoom() const;
    /// May find that the client left, which destroys the stream.
    void sendPart(const QByteArray &part);
    /// @}

    /// @name The virtual socket
    /// @{
    [[nodiscard]] qint64 bytesAvailable() const override;
    void disconnectFromHost() override;
    /// @}

protected:
    qint64 readData(char *data, qint64 bytesMax) override;
    qint64 writeData(const char *data, qint64 bytes) override;

private:
    /// What the exchange with the client is at.
    enum class Phase : quint8 {
        Head, ///< Between requests, or within a head.
        Body,
        Answering, ///< Qt has the request.
        Streaming, ///< The answer has no end; what the client sends is thrown away.
        Lingering, ///< The last answer is on its way; input is thrown away until the client closes.
        Closed,
    };

    void onReadable();
    void pump();
    [[nodiscard]] bool advanceHead();
    [[nodiscard]] bool advanceBody();
    [[nodiscard]] bool takeInput();
    [[nodiscard]] bool readMore();
    void discardInput();
    void begin(const RequestHead &head);
    [[nodiscard]] std::optional<Refusal> refusalFor(const RequestHead &head) const;
    void keepPlainBody();
    void keepChunkedBody();
    [[nodiscard]] bool accountBody();
    void deliver();
    void sendReply(const HttpReply &reply);
    void refuse(const Refusal &refusal);
    void expectRequest();
    void beginStream();
    void endStream();
    void linger();
    void send(QByteArrayView wire);
    void send(const HttpReply &reply, const AnswerFrame &frame);
    void flush();
    [[nodiscard]] AnswerFrame frame(bool closes) const;
    void onWritten();
    void accountUnsent();
    void leaveOnceWritten();

    FrontDoor &m_door;
    ClientSocket m_client;
    Phase m_phase = Phase::Head;
    bool m_isBusy = false; ///< Within pump().
    int m_requestsThisTurn = 0;
    qint64 m_deadlineMs = 0;
    qint64 m_writeDeadlineMs = 0; ///< 0 while nothing waits to be sent.

    bool m_hasInput = false;      ///< More may be there than was read.
    bool m_hasInputEnded = false; ///< The client sends no more.
    QByteArray m_input = {};
    qsizetype m_judgedBytes = 0; ///< Of m_input, already found to be no whole head.

    QByteArray m_requestId = {};
    bool m_isHead = false;
    bool m_isHttp10 = false;
    bool m_keepsAlive = true;
    BodyFraming m_framing = BodyFraming::None;
    qint64 m_contentLength = 0;
    qsizetype m_bodyBytesMax = 0;
    ChunkedDecoder m_chunks{0};
    QByteArray m_body = {};
    qsizetype m_accountedBytes = 0;
    qint64 m_bodyStartMs = 0;
    qint64 m_bodyWireBytes = 0;

    HttpRequest m_request = {}; ///< From its head on, until the handler has it.
    std::optional<HttpReply> m_reply = {};
    bool m_isDispatching = false;
    bool m_isUntaken = false;
    qint64 m_dispatchAt = 0; ///< Bytes that Qt has read.
    std::unique_ptr<BodyStream> m_stream = {};
    qsizetype m_accountedUnsent = 0;
    QByteArray m_unsent = {}; ///< Until flush(): the answers of one turn leave together.
};

} // namespace dynakv::http
