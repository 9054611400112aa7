// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/watch_hub.h"

#include "daemon/http/connection.h"
#include "daemon/http/watch_event.h"
#include "daemon/store/table.h"

#include <algorithm>

namespace dynakv::http {
namespace {

/// A part is full at this size; one change with its value may pass it.
constexpr qsizetype kPartBytes = 16 * 1024;
/// So many changes are looked at for one part, whether or not they are for this watcher.
constexpr int kPartChanges = 4096;
/// After so long the other clients of the thread have their turn.
constexpr int kTurnMs = 5;
/// A watcher that this many changes passed by is told how far it is, lest its last id be too old to
/// come back with: the ring holds four times as many, even of the longest keys.
constexpr quint64 kBookmarkChanges = 16'384;

} // namespace

/// One client. Its connection owns it.
class WatchHub::Watcher final : public BodyStream
{
public:
    Watcher(WatchHub &hub, Connection &client, Filter wanted)
        : connection(client)
        , filter(std::move(wanted))
        , m_hub(hub)
    {
    }
    ~Watcher() override { m_hub.remove(*this); }
    void onSent() override
    {
        if (cursor.seq < m_hub.m_passSeq)
            m_hub.enqueue(*this);
    }

    Connection &connection;
    const Filter filter;
    store::ChangeCursor cursor = {};
    quint64 toldSeq = 0; ///< The client's last id.
    qint64 nextBeatMs = 0;
    QByteArray greeting = {}; ///< Its first event.
    bool isBeatDue = false;
    bool isQueued = false;

private:
    WatchHub &m_hub;
};

bool WatchHub::InOrder::operator()(const Watcher *left, const Watcher *right) const
{
    return left->filter != right->filter ? left->filter < right->filter
                                         : std::less<>()(left, right);
}

WatchHub::WatchHub(const ApiContext &context, int beatMs, Post post)
    : m_context(context)
    , m_changes(context.table.changes())
    , m_beatMs(beatMs)
    , m_post(std::move(post))
{
    m_clock.start();
    m_turnTimer.setSingleShot(true);
    QObject::connect(&m_turnTimer, &QTimer::timeout, &m_turnTimer, [this] { turn(); });
    QObject::connect(&m_beatTimer, &QTimer::timeout, &m_beatTimer, [this] { beat(); });
}

WatchHub::~WatchHub() = default;

void WatchHub::watch(const WatchRequest &request, Connection &connection)
{
    auto made =
        std::make_unique<Watcher>(*this, connection, Filter{request.prefix, request.hasValues});
    Watcher &watcher = *made;
    begin(watcher, request.after);
    watcher.nextBeatMs = m_clock.elapsed() + m_beatMs;
    if (m_watchers.empty()) {
        // Not less: the ring's wake-up may be left from those who were here before.
        m_passSeq = m_changes.lastSeq();
        m_beatTimer.start(std::clamp(m_beatMs / 8, 1, 1000));
    }
    m_watchers.insert(&watcher);
    m_context.metrics->watchers.add();
    enqueue(watcher);
    connection.followWith(std::move(made)); // A HEAD is forgotten with its answer.
}

void WatchHub::begin(Watcher &watcher, const std::optional<QByteArray> &after)
{
    const quint64 boot = m_context.table.boot();
    const auto id = after ? EventId::fromText(*after) : std::nullopt;
    const quint64 last = m_changes.lastSeq();
    if (after && (!id || id->boot != boot || id->seq > last))
        return reset(watcher.greeting, watcher, "unknown_id");
    watcher.cursor.seq = id ? id->seq : last;
    if (!m_changes.holdsAllAfter(watcher.cursor.seq))
        return reset(watcher.greeting, watcher, "too_old");
    watcher.toldSeq = watcher.cursor.seq;
    appendBookmark(watcher.greeting, {boot, watcher.toldSeq});
}

void WatchHub::reset(QByteArray &text, Watcher &watcher, QByteArrayView reason)
{
    watcher.cursor = {m_changes.lastSeq()};
    watcher.toldSeq = watcher.cursor.seq;
    appendReset(text, {m_context.table.boot(), watcher.toldSeq}, reason);
    m_context.metrics->watchResets.add();
}

void WatchHub::enqueue(Watcher &watcher)
{
    if (watcher.isQueued)
        return;
    watcher.isQueued = true;
    m_queue.push_back(&watcher);
    if (!m_turnTimer.isActive())
        m_turnTimer.start(0);
}

void WatchHub::remove(Watcher &watcher)
{
    m_watchers.erase(&watcher);
    m_context.metrics->watchers.add(-1);
    if (watcher.isQueued)
        std::replace(m_queue.begin(), m_queue.end(), &watcher, static_cast<Watcher *>(nullptr));
    if (m_watchers.empty())
        m_beatTimer.stop();
}

void WatchHub::tellNews()
{
    m_passSeq = m_changes.lastSeq();
    for (Watcher *watcher : m_watchers)
        enqueue(*watcher);
    turn();
}

void WatchHub::turn()
{
    m_turnTimer.stop();
    const qint64 startMs = m_clock.elapsed();
    while (!m_queue.empty()) {
        if (m_clock.elapsed() - startMs >= kTurnMs) {
            m_turnTimer.start(0);
            return;
        }
        Watcher *const watcher = m_queue.front();
        m_queue.pop_front();
        if (!watcher)
            continue;
        watcher->isQueued = false;
        serve(*watcher);
    }
    wakeWhenMore();
}

void WatchHub::wakeWhenMore()
{
    if (m_isArmed || m_watchers.empty())
        return;
    m_isArmed = true;
    m_changes.whenMore(m_passSeq, [post = m_post, weak = std::weak_ptr(m_self)] {
        post([weak] {
            const auto self = weak.lock();
            if (!self)
                return;
            (*self)->m_isArmed = false;
            (*self)->tellNews();
        });
    });
}

void WatchHub::beat()
{
    const qint64 nowMs = m_clock.elapsed();
    for (Watcher *watcher : m_watchers) {
        if (nowMs < watcher->nextBeatMs)
            continue;
        watcher->nextBeatMs = nowMs + m_beatMs;
        watcher->isBeatDue = true;
        enqueue(*watcher);
    }
}

/// Hands the next part to \a watcher, unless its last one is still on its way.
void WatchHub::serve(Watcher &watcher)
{
    if (!watcher.connection.hasRoom())
        return; // onSent() brings it back.
    QByteArray text = std::exchange(watcher.greeting, {});
    if (watcher.cursor.seq < m_passSeq)
        appendNews(text, watcher);
    const bool isBeatDue = std::exchange(watcher.isBeatDue, false);
    const quint64 untold = watcher.cursor.seq - watcher.toldSeq;
    if (untold >= kBookmarkChanges || (isBeatDue && untold > 0)) {
        watcher.toldSeq = watcher.cursor.seq;
        appendBookmark(text, {m_context.table.boot(), watcher.toldSeq});
    } else if (isBeatDue) {
        appendComment(text);
    }
    if (watcher.cursor.seq < m_passSeq)
        enqueue(watcher);
    // The last of it, since the client may prove to have left, and the watcher with it.
    if (!text.isEmpty())
        watcher.connection.sendPart(text);
}

void WatchHub::appendNews(QByteArray &text, Watcher &watcher)
{
    const Part &part = partFor(watcher);
    if (part.read == store::ChangeRead::Lost)
        return reset(text, watcher, "too_old");
    watcher.cursor = part.end;
    if (part.changes == 0)
        return;
    watcher.toldSeq = part.lastTold;
    m_context.metrics->watchEvents.add(part.changes);
    if (text.isEmpty())
        text = part.text; // Shared, not copied.
    else
        text.append(part.text);
}

const WatchHub::Part &WatchHub::partFor(const Watcher &watcher)
{
    if (m_part.from == watcher.cursor.seq && m_part.end.seq > m_part.from &&
        m_part.filter == watcher.filter)
        return m_part;
    const QByteArray &prefix = watcher.filter.first;
    const bool hasValues = watcher.filter.second;
    const quint64 boot = m_context.table.boot();
    const qint64 wallMs = m_context.wallMs();
    Part part = {watcher.filter, watcher.cursor.seq, {}, 0, 0, watcher.cursor, {}};
    const auto add = [&](quint64 seq, const store::KeyChange &change) {
        if (!change.key.startsWith(prefix))
            return true;
        std::optional<core::Record> record;
        if (hasValues && change.kind == store::ChangeKind::Put &&
            change.valueBytes <= kWatchValueBytesMax)
            record = m_context.table.find(change.key);
        const bool isStill = record && record->version == change.version && record->isLive(wallMs);
        appendChange(part.text, {boot, seq}, change, isStill ? &*record : nullptr);
        ++part.changes;
        part.lastTold = seq;
        return part.text.size() < kPartBytes;
    };
    part.read = m_changes.read(part.end, kPartChanges, add);
    m_part = std::move(part);
    return m_part;
}

} // namespace dynakv::http
