// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

#include <optional>

/// How keys, sizes and times stand on the screen.
namespace dynakv::admin {

/// \a key on one line: text as it is, everything that is not readable text as `\xHH`, and a
/// backslash doubled, so that two different keys never look the same.
QString displayKey(const QByteArray &key);

/// The bytes that displayKey() wrote, typed by a person. Nothing where an escape is not `\\` or
/// `\xHH`.
std::optional<QByteArray> keyFromDisplay(const QString &text);

/// `312 B`, `1.2 KB`, `1.0 MB`, with 1024 as the step.
QString displaySize(qint64 bytes);
QString displayCount(qint64 count);
/// `just now`, `5 min ago`, or the local date.
QString displayAge(qint64 thenMs, qint64 nowMs);
/// Local date and time to the second.
QString displayTime(qint64 unixMs);

} // namespace dynakv::admin
