// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"
#include "daemon/core/sync_responder.h"
#include "daemon/core/sync_session.h"
#include "daemon/store/table.h"

#include <QTest>

#include <deque>

using namespace dynakv;
using namespace dynakv::core;

namespace {

constexpr int kKeys = 1'000'000;
constexpr qint64 kBytesMax = qint64{10} << 10;

Record recordAt(int number, quint64 clock, const QByteArray &value = "v")
{
    Record record;
    record.key = "user/" + QByteArray::number(number).rightJustified(10, '0');
    record.version = {clock, 1};
    record.value = value;
    return record;
}

Message answerOf(const Message &message, store::Table &theirs)
{
    if (const auto *roots = std::get_if<RootsRequest>(&message))
        return answer(*roots, theirs, true, 0, {});
    if (const auto *leaves = std::get_if<LeavesRequest>(&message))
        return answer(*leaves, theirs);
    if (const auto *stamps = std::get_if<StampsRequest>(&message))
        return answer(*stamps, theirs, 0);
    if (const auto *fetch = std::get_if<FetchRequest>(&message))
        return answer(*fetch, theirs);
    const auto &push = std::get<Push>(message);
    for (const Record &each : push.records)
        theirs.apply(each);
    return PushAck{push.id, true, Durability::Sync};
}

void deliver(const Message &message, SyncSession &session, Effects &out)
{
    if (const auto *roots = std::get_if<RootsReply>(&message))
        session.handle(*roots, 0, out);
    else if (const auto *leaves = std::get_if<LeavesReply>(&message))
        session.handle(*leaves, 0, out);
    else if (const auto *stamps = std::get_if<StampsReply>(&message))
        session.handle(*stamps, 0, out);
    else if (const auto *fetch = std::get_if<FetchReply>(&message))
        session.handle(*fetch, 0, out);
    else if (const auto *ack = std::get_if<PushAck>(&message))
        session.handle(*ack, 0, out);
}

/// Bytes both ways, as they stand on the wire, until the two are equal; -1 where they do not get
/// there.
qint64 bytesOfComparing(store::Table &mine, store::Table &theirs)
{
    quint64 ids = 0;
    const Capacity capacity(mine, 0);
    SyncSession session(1, 2, {}, mine, capacity, ids);
    qint64 bytes = 0;
    Effects first;
    session.start(0, first);
    std::deque<Effect> waiting(first.begin(), first.end());
    while (!waiting.empty()) {
        const Effect effect = std::move(waiting.front());
        waiting.pop_front();
        Effects out;
        if (const auto *append = std::get_if<Append>(&effect)) {
            for (const Record &each : append->records)
                mine.apply(each);
            session.committed({append->ticket}, 0, out);
        } else if (const auto *resume = std::get_if<Resume>(&effect)) {
            session.resumed({resume->ticket}, 0, out);
        } else {
            const Message &asked = std::get<Send>(effect).message;
            const Message reply = answerOf(asked, theirs);
            bytes += cluster::encodeMessage(asked).size() + cluster::encodeMessage(reply).size();
            deliver(reply, session, out);
        }
        waiting.insert(waiting.end(), out.begin(), out.end());
    }
    const bool isEqual = mine.treeRoots() == theirs.treeRoots();
    return session.state() == SyncSession::State::Complete && isEqual ? bytes : -1;
}

} // namespace

/// What it costs to find one key among a million.
class TestRepairTraffic : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void oneDifferenceAmongAMillionCostsTenKibibytes()
    {
        store::Table mine;
        store::Table theirs;
        mine.setTreeKey(0xc1);
        theirs.setTreeKey(0xc1);
        for (int i = 0; i < kKeys; ++i) {
            mine.apply(recordAt(i, 1));
            theirs.apply(recordAt(i, 1));
        }
        qint64 most = 0;
        const auto compare = [&](const char *what) {
            const qint64 bytes = bytesOfComparing(mine, theirs);
            most = std::max(most, bytes);
            QVERIFY2(bytes >= 0 && bytes <= kBytesMax,
                     (what + QByteArray(": ") + QByteArray::number(bytes)).constData());
        };
        for (int i = 0; i < 20; ++i) {
            theirs.apply(recordAt(i * 7919 + 1, 2, "newer there"));
            compare("newer there");
            mine.apply(recordAt(i * 7919 + 2, 2, "newer here"));
            compare("newer here");
            theirs.apply(recordAt(kKeys + 2 * i, 1));
            compare("only there");
            mine.apply(recordAt(kKeys + 2 * i + 1, 1));
            compare("only here");
        }
        QVERIFY(bytesOfComparing(mine, theirs) < 2200); // Equal ones: the roots.
        qInfo("at most %lld bytes", most);
    }
};

QTEST_APPLESS_MAIN(TestRepairTraffic)
#include "tst_repair_traffic.moc"
