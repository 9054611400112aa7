// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include <optional>

/// JSON as text: it is judged and laid out, never converted, so that numbers keep their digits and
/// objects the order of their members.
namespace dynakv::admin {

struct JsonFault
{
    qsizetype offset = 0; ///< Bytes from the start.
    int line = 1;
    int column = 1; ///< In characters.
    QString what = {};
};

/// The first place where \a text is no strict JSON (RFC 8259, valid UTF-8), or nothing.
std::optional<JsonFault> findJsonFault(const QByteArray &text);

/// Valid JSON with one member or element a line. Beyond 32 levels the indentation grows no further,
/// so that the result stays in proportion to \a validText.
QByteArray prettyJson(QByteArrayView validText);
/// Valid JSON without the space between its parts.
QByteArray compactJson(QByteArrayView validText);

/// The bytes of the longest line.
qsizetype longestLine(QByteArrayView text);

} // namespace dynakv::admin
