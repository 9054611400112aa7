// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/http_message.h"

#include <QByteArray>

#include <optional>

/// What becomes of an answer between Qt's HTTP server and the wire.
namespace dynakv::http {

/// Where the parts of an answer lie in the bytes that Qt wrote.
struct CapturedAnswer
{
    int status = 0;
    qsizetype fieldsStart = 0;
    qsizetype bodyStart = 0;
    qsizetype bodyBytes = 0;
};

/// Nothing as long as \a bytes do not hold the whole answer. Answers without a Content-Length have
/// no body.
std::optional<CapturedAnswer> findAnswer(QByteArrayView bytes);

/// What the front door knows of the exchange and Qt does not.
struct AnswerFrame
{
    QByteArrayView date = {};
    QByteArrayView requestId = {};
    bool isHead = false;    ///< Content-Length is told, the body is not sent.
    bool closes = false;    ///< The connection ends after this answer.
    bool isHttp10 = false;  ///< Which must be told that the connection stays.
    bool isEndless = false; ///< The body follows in parts: in chunks, or up to the end of HTTP/1.0.
};

/// The head for the wire: Qt's with Date, X-Request-Id, our connection persistence and the framing
/// that its status asks for.
QByteArray frameHead(QByteArrayView captured, const CapturedAnswer &answer,
                     const AnswerFrame &frame);
/// The body that follows that head, empty where none is sent.
QByteArrayView bodyToSend(QByteArrayView captured, const CapturedAnswer &answer,
                          const AnswerFrame &frame);
/// An answer of the front door's own.
QByteArray frameReply(const HttpReply &reply, const AnswerFrame &frame);

/// IMF-fixdate (RFC 9110, 5.6.7), e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
QByteArray toHttpDate(qint64 unixSeconds);

} // namespace dynakv::http
