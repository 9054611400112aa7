// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/head_parser.h"

#include <QByteArray>

/// The form in which a checked request passes through Qt's HTTP server: the target as hex digits,
/// so that neither QUrl nor Qt's decoding ever touches the bytes of a key; one Content-Length where
/// the client declared a body; HEAD as GET; and only the fields that handlers know.
namespace dynakv::http {

/// All of the head but what follows from the body, which may still be on its way.
QByteArray toCanonicalHead(const RequestHead &head, const QByteArray &requestId);
/// Ends what toCanonicalHead() began: \a bodyBytes of the decoded body, or negative where the
/// client declared none.
void endCanonicalHead(QByteArray &head, qsizetype bodyBytes);

/// The target that toCanonicalHead() wrote as \a canonicalPath (`/` and hex digits), cut at its
/// first `?` into path and query of \a request. False where it is none.
bool readCanonicalPath(QByteArrayView canonicalPath, HttpRequest &request);

/// The names under which a canonical head carries what handlers read.
inline constexpr const char *kRequestIdField = "X-Request-Id";
inline constexpr const char *kAtLeastField = "DynaKV-At-Least";

} // namespace dynakv::http
