// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/random.h"
#include "daemon/core/sync_responder.h"
#include "daemon/core/sync_session.h"
#include "tests/support/map_records.h"
#include "tests/support/plain_record.h"

#include <QtTest>

#include <deque>
#include <functional>

namespace dynakv::testing {

using namespace core;

constexpr LinkId kLink = 3;
constexpr NodeId kPeer = 4;
constexpr quint64 kCluster = 0xc1;

using State = SyncSession::State;

/// Two tables, a session on one side, the answering functions on the other, and the wire between
/// them, carried by hand.
struct SyncPair
{
    MapRecords mine = {};
    MapRecords theirs = {};
    quint64 ids = 100;
    Capacity capacity;
    SyncSession session;
    std::deque<Effect> waiting = {};
    qint64 nowMs = 0;
    size_t mostWaiting = 0;
    size_t mostRecords = 0; ///< Asked for, given, or sent unasked, in one message.
    int fetches = 0;
    qint64 pushes = 0;
    qint64 pushesAfterRests = 0; ///< Of them those that a Resumed led to.
    qint64 mostVisited = 0;      ///< By one side in one step.
    bool isPeerOlder = false;    ///< It knows nothing of slices.
    int turns = 0;
    int appends = 0;
    bool isPeerFull = false;
    Committed::Result diskResult = Committed::Result::Done;
    /// May change what the peer answers, or swallow it by returning false.
    std::function<bool(Message &)> tamper = {};

    explicit SyncPair(qint64 memoryBytesMax = 0, const SyncSession::Terms &terms = {})
        : capacity(mine, memoryBytesMax)
        , session(kLink, kPeer, terms, mine, capacity, ids)
    {
        mine.setTreeKey(kCluster);
        theirs.setTreeKey(kCluster);
    }

    static bool isPush(const Effect &effect)
    {
        const auto *send = std::get_if<Send>(&effect);
        return send != nullptr && std::holds_alternative<Push>(send->message);
    }
    void take(Effects effects)
    {
        pushes += std::count_if(effects.begin(), effects.end(), isPush);
        for (Effect &effect : effects)
            waiting.push_back(std::move(effect));
        mostWaiting = std::max(mostWaiting, waiting.size());
    }
    State run()
    {
        Effects out;
        session.start(nowMs, out);
        take(std::move(out));
        for (; !waiting.empty() && session.state() == State::Running && turns < 100'000; ++turns)
            step();
        return session.state();
    }
    void step()
    {
        const Effect effect = std::move(waiting.front());
        waiting.pop_front();
        const qint64 visitedHere = mine.visited();
        const qint64 visitedThere = theirs.visited();
        carryOut(effect);
        mostVisited =
            std::max({mostVisited, mine.visited() - visitedHere, theirs.visited() - visitedThere});
    }
    void carryOut(const Effect &effect)
    {
        nowMs += 1;
        if (const auto *append = std::get_if<Append>(&effect)) {
            ++appends;
            QVERIFY(append->isForPeer);
            if (diskResult == Committed::Result::Done) {
                for (const Record &each : append->records)
                    mine.apply(each);
            }
            Effects out;
            QVERIFY(session.committed({append->ticket, diskResult}, nowMs, out));
            take(std::move(out));
            return;
        }
        if (const auto *resume = std::get_if<Resume>(&effect)) {
            Effects out;
            QVERIFY(session.resumed({resume->ticket}, nowMs, out));
            pushesAfterRests += std::count_if(out.begin(), out.end(), isPush);
            take(std::move(out));
            return;
        }
        const auto &send = std::get<Send>(effect);
        QCOMPARE(send.link, kLink);
        if (const auto *fetch = std::get_if<FetchRequest>(&send.message))
            mostRecords = std::max(mostRecords, fetch->keys.size()), ++fetches;
        else if (const auto *push = std::get_if<Push>(&send.message))
            mostRecords = std::max(mostRecords, push->records.size());
        auto reply = answerOf(send.message);
        if (const auto *stamps = std::get_if<StampsReply>(&reply))
            mostRecords = std::max(mostRecords, stamps->records.size());
        if (!tamper || tamper(reply))
            deliver(reply);
    }
    Message answerOf(const Message &message)
    {
        if (const auto *roots = std::get_if<RootsRequest>(&message))
            return answer(*roots, theirs, true, 0, {});
        if (const auto *leaves = std::get_if<LeavesRequest>(&message))
            return answer(*leaves, theirs);
        if (const auto *stamps = std::get_if<StampsRequest>(&message))
            return isPeerOlder ? answerOfOlder(*stamps) : answer(*stamps, theirs, 0);
        if (const auto *fetch = std::get_if<FetchRequest>(&message))
            return answer(*fetch, theirs);
        const auto &push = std::get<Push>(message);
        for (const Record &each : push.records) {
            if (!isPeerFull)
                theirs.apply(each);
        }
        return PushAck{push.id, !isPeerFull, Durability::Sync};
    }
    /// As version 0.1 did: as many stamps as a page holds, whatever the way to them.
    StampsReply answerOfOlder(const StampsRequest &request)
    {
        StampsReply reply{request.id, request.partition, {}, false, {}, 0};
        for (const auto &[key, each] : theirs.all()) {
            const KeySlot slot = slotOf(key);
            if (slot.partition != request.partition || !request.leaves[slot.leaf] ||
                key <= request.after)
                continue;
            reply.stamps.push_back({key, stampOf(each)});
            if (reply.stamps.size() == size_t{kStampsMax})
                break;
        }
        reply.hasMore = reply.stamps.size() == size_t{kStampsMax};
        return reply;
    }
    void deliver(const Message &message)
    {
        Effects out;
        if (const auto *roots = std::get_if<RootsReply>(&message))
            session.handle(*roots, nowMs, out);
        else if (const auto *leaves = std::get_if<LeavesReply>(&message))
            session.handle(*leaves, nowMs, out);
        else if (const auto *stamps = std::get_if<StampsReply>(&message))
            session.handle(*stamps, nowMs, out);
        else if (const auto *fetch = std::get_if<FetchReply>(&message))
            session.handle(*fetch, nowMs, out);
        else if (const auto *ack = std::get_if<PushAck>(&message))
            session.handle(*ack, nowMs, out);
        take(std::move(out));
    }

    /// Fills both sides: each key here, there, on both, with equal or differing stamps.
    void fillAtRandom(quint64 seed, int keys)
    {
        Random random(seed);
        for (int i = 0; i < keys; ++i) {
            const QByteArray key = "key/" + QByteArray::number(random.below(1'000'000));
            const auto make = [&] {
                const bool isTombstone = random.below(4) == 0;
                return record(key, {1 + random.below(3), 1 + random.below(2)},
                              isTombstone ? QByteArray() : QByteArray::number(random.below(3)),
                              isTombstone ? RecordKind::Tombstone : RecordKind::Value);
            };
            const quint64 where = random.below(4);
            if (where == 3) {
                const Record same = make();
                mine.apply(same);
                theirs.apply(same);
                continue;
            }
            if (where != 0)
                mine.apply(make());
            if (where != 1)
                theirs.apply(make());
        }
    }
    /// How many keys are newer in \a one than in \a other.
    static qint64 newerIn(const MapRecords &one, const MapRecords &other)
    {
        qint64 count = 0;
        for (const auto &[key, each] : one.all()) {
            const auto held = other.stampOf(key);
            count += !held || *held < stampOf(each) ? 1 : 0;
        }
        return count;
    }
};

/// Keys of one partition, in order.
inline std::vector<QByteArray> keysOf(quint8 partition, int count)
{
    std::vector<QByteArray> keys;
    for (int i = 0; static_cast<int>(keys.size()) < count; ++i) {
        const QByteArray key = QByteArray::number(i);
        if (slotOf(key).partition == partition)
            keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

/// A change of one kind of reply; applied to each of that kind.
template <typename Reply>
std::function<bool(Message &)> changing(std::function<void(Reply &)> change)
{
    return [change](Message &message) {
        if (auto *reply = std::get_if<Reply>(&message))
            change(*reply);
        return true;
    };
}

inline KeyStamp stampIn(quint8 partition, bool isInside, int skip = 0)
{
    for (int i = 0;; ++i) {
        const QByteArray key = "zz/" + QByteArray::number(i);
        if ((slotOf(key).partition == partition) == isInside && skip-- == 0)
            return {key, {{9, 9}, 9}};
    }
}

} // namespace dynakv::testing
