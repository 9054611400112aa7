// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/head_parser.h"

#include <QByteArray>

/// The form in which a checked request passes through Qt's HTTP server: a target of characters that
/// neither QUrl nor Qt's decoding ever touches, whatever the bytes of the key; one Content-Length
/// where the client declared a body; HEAD as GET; and only the fields that handlers know. Qt 6.4
/// reads a head byte by byte, so that it is kept short.
namespace dynakv::http {

/// All of the head but what follows from the body, which may still be on its way.
QByteArray toCanonicalHead(const RequestHead &head, const QByteArray &requestId);
/// Ends what toCanonicalHead() began: \a bodyBytes of the decoded body, or negative where the
/// client declared none.
void endCanonicalHead(QByteArray &head, qsizetype bodyBytes);

/// Reads a target as toCanonicalHead() writes it, cut at its first `?` into path and query of
/// \a request: letters, digits, `_`, `-` and single slashes are themselves, any other byte is a dot
/// and two hex digits; `*` is `/.x`. False where it is none.
bool readCanonicalTarget(QByteArrayView canonical, HttpRequest &request);

/// Takes one field of a canonical head over into \a request.
void takeCanonicalField(QByteArrayView name, const QByteArray &value, HttpRequest &request);

} // namespace dynakv::http
