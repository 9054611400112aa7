// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/http/http_message.h"
#include "daemon/http/query.h"

#include <optional>

namespace dynakv::http {

/// Fills value, content type and time to live of \a write from the body of a PUT: JSON under any
/// content type, raw bytes under `application/octet-stream` or with `?raw`. Gives the answer that
/// refuses the request where it cannot.
std::optional<HttpReply> readPutBody(const HttpRequest &request, const Query &query,
                                     qsizetype valueBytesMax, core::WriteRequest &write);

/// Milliseconds of a time to live told in whole seconds; Invalid outside of one second to ten
/// years.
base::Result<qint64> ttlMsFrom(QByteArrayView seconds);

/// A content type without its parameters, in lower case.
QByteArray bareType(const QByteArray &contentType);
/// Whether a Content-Encoding changes nothing.
bool isIdentity(const QByteArray &contentEncoding);
/// 411: the body is missing.
HttpReply lengthRequiredReply(const HttpRequest &request);

} // namespace dynakv::http
