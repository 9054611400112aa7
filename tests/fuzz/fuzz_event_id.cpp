// SPDX-License-Identifier: GPL-3.0-or-later

// The id that a watching client comes back with, and the events that it is sent: an id that is
// taken has one form only, and whatever keys, values and types hold, an event ends where it should.
#include "daemon/http/event_id.h"
#include "daemon/http/key_view.h"
#include "daemon/http/strict_json.h"
#include "daemon/http/watch_event.h"

#include <QByteArrayList>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace dynakv;
using http::EventId;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

/// What a client makes of the lines of one event, which must be one.
QByteArray dataOf(const QByteArray &event, const QByteArray &id)
{
    require(event.endsWith("\n\n") && !event.contains('\r'));
    const QByteArrayList lines = event.chopped(2).split('\n');
    require(lines.size() >= 3 && lines[0] == "event: put" && lines[1] == "id: " + id);
    QByteArrayList data;
    for (const QByteArray &line : lines.mid(2)) {
        require(line.startsWith("data: "));
        data.append(line.sliced(6));
    }
    return data.join('\n');
}

void checkEvent(const QByteArray &key, const core::Record &record)
{
    const EventId id{0x0123456789abcdef, 7};
    const store::KeyChange change{store::ChangeKind::Put, {1, 2}, 3, key};
    QByteArray event;
    http::appendChange(event, id, change, &record);
    const QByteArray object = dataOf(event, id.toText());
    const auto members = http::parseJsonObject(object);
    require(members.ok());
    const auto named = std::find_if(members->begin(), members->end(), [](const auto &member) {
        return member.name == "key" || member.name == "key_b64";
    });
    require(named != members->end());
    const auto told = http::fromJsonString(named->text);
    require(told && key == (named->name == "key" ? *told : QByteArray::fromBase64(*told)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray text(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    if (const auto id = EventId::fromText(text))
        require(id->toText() == text);

    const QByteArray key = text.isEmpty() ? QByteArray("k") : text.left(1024);
    core::Record record;
    record.value = text;
    record.contentType = http::isMediaType(key) ? key : QByteArray("application/octet-stream");
    checkEvent(key, record);
    if (const auto body = http::parsePutBody("{\"value\":" + text + '}')) {
        record.value = body->value;
        record.contentType.clear();
        checkEvent(key, record);
    }
    return 0;
}
