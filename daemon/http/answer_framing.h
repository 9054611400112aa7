// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/http_message.h"

#include <QByteArray>

/// An answer on its way to the wire.
namespace dynakv::http {

/// What the front door knows of the exchange and handlers do not.
struct AnswerFrame
{
    QByteArrayView date = {};
    QByteArrayView requestId = {};
    bool isHead = false;    ///< Content-Length is told, the body is not sent.
    bool closes = false;    ///< The connection ends after this answer.
    bool isHttp10 = false;  ///< Which must be told that the connection stays.
    bool isEndless = false; ///< The body follows in parts: in chunks, or up to the end of HTTP/1.0.
};

/// Writes \a reply behind \a wire, with Date, X-Request-Id, our connection persistence and the
/// framing that its status asks for. Of an endless one only the head.
void appendReply(QByteArray &wire, const HttpReply &reply, const AnswerFrame &frame);

/// IMF-fixdate (RFC 9110, 5.6.7), e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
QByteArray toHttpDate(qint64 unixSeconds);

} // namespace dynakv::http
