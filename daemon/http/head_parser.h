// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/head_limits.h"
#include "daemon/http/http_message.h"

#include <QByteArray>

#include <variant>
#include <vector>

namespace dynakv::http {

struct HeadField
{
    QByteArrayView name = {};
    QByteArrayView value = {}; ///< Without the white space around it.
};

enum class BodyFraming : quint8 { None, Length, Chunked };

/// A complete, strictly valid request head (RFC 9112). All views point into the parsed bytes and
/// live no longer than those.
struct RequestHead
{
    Method method = Method::Get;
    QByteArrayView path = {}; ///< `/...` without the query, or `*`.
    QByteArrayView query = {};
    QByteArrayView authority =
        {}; ///< Host, or that of an absolute target; empty on HTTP/1.0 without.
    bool isHttp10 = false;
    bool keepsAlive = true;
    bool expectsContinue = false;
    BodyFraming framing = BodyFraming::None;
    qint64 contentLength = 0;
    std::vector<HeadField> fields = {};
    qsizetype size = 0; ///< Bytes of the head, its empty line included.

    /// The value of the first field of this name, a null view where there is none.
    [[nodiscard]] QByteArrayView value(QByteArrayView name) const;
};

struct NeedMore
{
};

/// Why a request is refused before anything is known to do with it. Literals only.
struct Refusal
{
    int status = 400;
    const char *code = "bad_request";
    const char *detail = "";
};

using HeadResult = std::variant<NeedMore, Refusal, RequestHead>;

/// Reads one head from the start of \a bytes. Pure: the same bytes give the same answer, and a
/// prefix of a valid head gives NeedMore. Every answer but NeedMore is final, so that it is enough
/// to ask again when a line feed has arrived or a limit is passed.
HeadResult parseHead(QByteArrayView bytes, const HeadLimits &limits);

/// Whether \a line, without its line end, is a field line: `name: value` with legal bytes.
bool isFieldLine(QByteArrayView line);
/// RFC 9110 token.
bool isToken(QByteArrayView text);
/// Whether \a name equals the lower-case \a lowerCase in any case.
bool equalsIgnoringCase(QByteArrayView name, QByteArrayView lowerCase);
QByteArrayView trimmedWhiteSpace(QByteArrayView text);

} // namespace dynakv::http
