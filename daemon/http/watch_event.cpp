// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/watch_event.h"

#include "daemon/http/key_view.h"
#include "shared/base/api/timestamp.h"

namespace dynakv::http {
namespace {

const char *nameOf(store::ChangeKind kind)
{
    switch (kind) {
    case store::ChangeKind::Put:
        return "put";
    case store::ChangeKind::Delete:
        return "delete";
    case store::ChangeKind::Expire:
        return "expire";
    }
    return "";
}

void appendHead(QByteArray &text, const char *name, EventId id)
{
    text.append("event: ").append(name).append("\nid: ").append(id.toText()).append("\ndata: ");
}

/// JSON may be broken into lines; here each of them needs a `data:` of its own.
void appendInLines(QByteArray &text, QByteArrayView json)
{
    for (qsizetype i = 0; i < json.size(); ++i) {
        const bool isPair = json[i] == '\r' && i + 1 < json.size() && json[i + 1] == '\n';
        if (isPair)
            continue;
        if (json[i] == '\n' || json[i] == '\r')
            text.append("\ndata: ");
        else
            text.append(json[i]);
    }
}

} // namespace

void appendChange(QByteArray &text, EventId id, const store::KeyChange &change,
                  const core::Record *record)
{
    appendHead(text, nameOf(change.kind), id);
    text.append('{');
    appendKey(text, change.key.toByteArray());
    text.append(",\"version\":\"").append(change.version.toString());
    text.append("\",\"updated_at\":\"").append(base::api::toTimestamp(change.version.wallMs()));
    text.append('"');
    if (change.kind == store::ChangeKind::Put)
        text.append(",\"size\":").append(QByteArray::number(change.valueBytes));
    if (record) {
        QByteArray value;
        appendValue(value, *record);
        text.append(',');
        appendInLines(text, value);
    }
    text.append("}\n\n");
}

void appendBookmark(QByteArray &text, EventId id)
{
    appendHead(text, "bookmark", id);
    text.append("{}\n\n");
}

void appendReset(QByteArray &text, EventId id, QByteArrayView reason)
{
    appendHead(text, "reset", id);
    text.append("{\"reason\":\"").append(reason).append("\"}\n\n");
}

void appendComment(QByteArray &text)
{
    text.append(":\n\n");
}

} // namespace dynakv::http
