// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"
#include "daemon/http/event_id.h"
#include "daemon/store/change_ring.h"

#include <QByteArray>

/// The text of `GET /v1/watch`: server-sent events as the WHATWG's HTML standard describes them.
namespace dynakv::http {

/// Values above this size are not sent along.
inline constexpr qsizetype kWatchValueBytesMax = 64 * 1024;

/// Adds a `put`, `delete` or `expire`. \a record: where its value is wanted and still what the
/// table holds, else null.
void appendChange(QByteArray &text, EventId id, const store::KeyChange &change,
                  const core::Record *record);
/// Adds a `bookmark`: all up to \a id was told, or was nothing of this watcher's.
void appendBookmark(QByteArray &text, EventId id);
/// Adds a `reset`: what was before \a id may lack; \a reason is a word for programs.
void appendReset(QByteArray &text, EventId id, QByteArrayView reason);
/// Adds a comment, which only shows that the connection lives.
void appendComment(QByteArray &text);

} // namespace dynakv::http
