// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/body_stream.h"
#include "daemon/store/change_ring.h"

#include <QElapsedTimer>
#include <QTimer>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>

namespace dynakv::http {

class Connection;

/// The clients of one HTTP thread that watch. Each is a cursor in the node's ring of changes and,
/// while it is slow, one part that its socket has not taken: nothing else is kept for it. It is
/// given the next part when the last one has left; when its place is not held any more, it is told.
///
/// Clients that ask the same and are equally far share the text of a part, so that one change costs
/// a write for each of thousands and little else.
///
/// Thread: the HTTP thread's; the ring wakes it through \a post.
class WatchHub
{
public:
    using Post = std::function<void(std::function<void()>)>;

    /// \a context outlives it, and so do the connections handed in. \a post brings a task to this
    /// thread from any other, or drops it where that ended.
    WatchHub(const ApiContext &context, int beatMs, Post post);
    ~WatchHub();
    Q_DISABLE_COPY_MOVE(WatchHub)

    /// Makes \a connection, whose request Qt is being given, a stream of events.
    void watch(const WatchRequest &request, Connection &connection);
    /// Brings everybody as far as the ring is now. The ring asks for that by itself; before the end
    /// it is the last that a client hears.
    void tellNews();

private:
    class Watcher;
    using Filter = std::pair<QByteArray, bool>; ///< Prefix, and whether with values.
    struct InOrder
    {
        bool operator()(const Watcher *left, const Watcher *right) const;
    };
    /// What follows a place for a filter.
    struct Part
    {
        Filter filter = {};
        quint64 from = 0;
        QByteArray text = {};
        int changes = 0;
        quint64 lastTold = 0; ///< Of the changes in the text.
        store::ChangeCursor end = {};
        store::ChangeRead read = store::ChangeRead::Lost;
    };

    void enqueue(Watcher &watcher);
    void remove(Watcher &watcher);
    void turn();
    void beat();
    void wakeWhenMore();
    void serve(Watcher &watcher);
    void begin(Watcher &watcher, const std::optional<QByteArray> &after);
    void appendNews(QByteArray &text, Watcher &watcher);
    void reset(QByteArray &text, Watcher &watcher, QByteArrayView reason);
    [[nodiscard]] const Part &partFor(const Watcher &watcher);

    const ApiContext &m_context;
    const store::ChangeRing &m_changes;
    const int m_beatMs;
    Post m_post;
    /// What the ring's wake-ups hold on to, to see whether there is still anybody.
    std::shared_ptr<WatchHub *> m_self = std::make_shared<WatchHub *>(this);
    QElapsedTimer m_clock;
    QTimer m_turnTimer;
    QTimer m_beatTimer;
    std::set<Watcher *, InOrder> m_watchers = {}; ///< Equal filters beside each other.
    std::deque<Watcher *> m_queue = {};           ///< Null: left meanwhile.
    quint64 m_passSeq = 0;                        ///< So far everybody shall come.
    bool m_isArmed = false;                       ///< The ring will wake us.
    Part m_part = {};
};

} // namespace dynakv::http
