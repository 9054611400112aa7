// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/quorum_reader.h"
#include "tests/support/map_records.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;
using Status = ReadOutcome::Status;

namespace {

constexpr WriteConcern kQuorum{WriteConcern::Kind::Quorum};
constexpr WriteConcern kAll{WriteConcern::Kind::All};

Record recordOf(quint64 clock, const QByteArray &value = "v")
{
    return {"k", RecordKind::Value, {clock, 1}, 0, {}, {}, value};
}

ReplicaCopy copyOf(const Record &record)
{
    return {true, stampOf(record), record.kind, record.expiresAtMs, record.value.size()};
}

/// A node of three, with links 2 and 3.
struct Bench
{
    void read(ReadConcern concern, std::optional<Version> atLeast = {}, bool isReady = true,
              const std::vector<LinkId> &links = {2, 3})
    {
        reader.read({7, {"k", concern, atLeast, 1000}}, links, isReady, 3, 5000, out);
    }
    template <typename Message>
    [[nodiscard]] std::vector<std::pair<LinkId, Message>> sent() const
    {
        std::vector<std::pair<LinkId, Message>> all;
        for (const Effect &effect : out) {
            const auto *send = std::get_if<Send>(&effect);
            if (send && std::holds_alternative<Message>(send->message))
                all.emplace_back(send->link, std::get<Message>(send->message));
        }
        return all;
    }
    /// The answer of the member at the other end of \a link to what it was asked last.
    void answer(LinkId link, const ReplicaCopy &copy)
    {
        quint64 id = 0;
        for (const auto &[to, request] : sent<CopyRequest>())
            id = to == link ? request.id : id;
        reader.answered(link, CopyReply{id, copy}, out);
    }
    std::optional<Record> deliver(LinkId link, const std::vector<Record> &given)
    {
        const auto fetches = sent<FetchRequest>();
        const quint64 id = fetches.empty() ? 0 : fetches.back().second.id;
        return reader.answered(link, FetchReply{id, given, 1}, out);
    }
    [[nodiscard]] const ReadOutcome *outcome() const
    {
        const ReadOutcome *found = nullptr;
        for (const Effect &effect : out) {
            if (const auto *reply = std::get_if<ReadReply>(&effect)) {
                Q_ASSERT(!found && reply->request == 7);
                found = &reply->outcome;
            }
        }
        return found;
    }

    testing::MapRecords records;
    quint64 ids = 0;
    QuorumReader reader{records, ids};
    Effects out;
};

} // namespace

class TestQuorumReader : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void equalReplicasAnswerFromTheTable()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read(kQuorum);
        QCOMPARE(bench.sent<CopyRequest>().size(), std::size_t(2));
        QVERIFY(!bench.outcome());
        bench.answer(3, copyOf(recordOf(10)));
        QVERIFY(bench.outcome());
        QCOMPARE(*bench.outcome(), (ReadOutcome{Status::Done, recordOf(10), 2, 2, 3, {}}));
        QVERIFY(bench.sent<FetchRequest>().empty());
        QVERIFY(bench.sent<Push>().empty());
        // Who answers late has nobody to answer.
        bench.answer(2, copyOf(recordOf(99)));
        bench.reader.linkLost(2, bench.out);
        bench.reader.expire(99'999, bench.out);
        QCOMPARE(bench.sent<FetchRequest>().size(), std::size_t(0));
        QVERIFY(bench.outcome());
    }

    void theNewestIsFetchedAndRepairsTheOthers()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read(kAll);
        bench.answer(2, {});
        bench.answer(3, copyOf(recordOf(20, "new")));
        QVERIFY(!bench.outcome());
        const auto fetches = bench.sent<FetchRequest>();
        QCOMPARE(fetches.size(), std::size_t(1));
        QCOMPARE(fetches[0].first, LinkId(3));
        QCOMPARE(fetches[0].second.keys, std::vector<QByteArray>{"k"});
        const auto adopted = bench.deliver(3, {recordOf(20, "new")});
        QCOMPARE(adopted, std::optional(recordOf(20, "new")));
        QCOMPARE(*bench.outcome(), (ReadOutcome{Status::Done, recordOf(20, "new"), 3, 3, 3, {}}));
        const auto pushes = bench.sent<Push>();
        QCOMPARE(pushes.size(), std::size_t(1));
        QCOMPARE(pushes[0].first, LinkId(2));
        QCOMPARE(pushes[0].second.records, std::vector<Record>{recordOf(20, "new")});
    }

    void theOwnNewestRepairsTheOthers()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read(kQuorum);
        bench.answer(2, copyOf(recordOf(9)));
        QCOMPARE(bench.outcome()->record, std::optional(recordOf(10)));
        QCOMPARE(bench.sent<Push>().size(), std::size_t(1));
    }

    void nothingAnywhereIsAnAnswer()
    {
        Bench bench;
        bench.read(kQuorum);
        bench.answer(2, {});
        QVERIFY(bench.outcome() && !bench.outcome()->record);
        QCOMPARE(bench.outcome()->status, Status::Done);
    }

    void whatCameMeanwhileIsNotAnsweredWithLess()
    {
        Bench bench;
        bench.read(kQuorum);
        bench.answer(2, copyOf(recordOf(20)));
        bench.records.apply(recordOf(30));
        QVERIFY(!bench.deliver(2, {recordOf(20)}));
        QCOMPARE(bench.outcome()->record, std::optional(recordOf(30)));
    }

    void aReadOfOneNeedsNobodyElse()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read({}, {}, true, {});
        QCOMPARE(bench.outcome()->record, std::optional(recordOf(10)));
    }

    void aVersionThatWasSeenIsWaitedFor()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read({}, Version{20, 1});
        bench.answer(2, copyOf(recordOf(10)));
        QVERIFY(!bench.outcome());
        bench.answer(3, copyOf(recordOf(21)));
        bench.deliver(3, {recordOf(21)});
        QCOMPARE(bench.outcome()->status, Status::Done);
        QCOMPARE(bench.outcome()->record, std::optional(recordOf(21)));
    }

    void aVersionThatNobodyHasIsTold()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read({}, Version{20, 1});
        bench.answer(2, copyOf(recordOf(19)));
        bench.answer(3, {});
        QCOMPARE(bench.outcome()->status, Status::TooOld);
        QVERIFY(!bench.outcome()->record);
        QVERIFY(bench.sent<Push>().empty());
    }

    void whoIsNotReadyDoesNotCountItself()
    {
        Bench bench;
        bench.records.apply(recordOf(10));
        bench.read({}, {}, false);
        QVERIFY(!bench.outcome());
        bench.answer(2, copyOf(recordOf(10)));
        QCOMPARE(bench.outcome()->record, std::optional(recordOf(10)));
        QCOMPARE(bench.outcome()->acked, 1);

        Bench lonely;
        lonely.records.apply(recordOf(10));
        lonely.read({}, {}, false, {});
        QCOMPARE(lonely.outcome()->status, Status::TooFewReplicas);
        QCOMPARE(lonely.outcome()->acked, 0);
        QVERIFY(!lonely.outcome()->record);
    }

    void tooFewAreToldAtOnce()
    {
        Bench bench;
        bench.read(kAll, {}, true, {2});
        bench.answer(2, {});
        QCOMPARE(bench.outcome()->status, Status::TooFewReplicas);
        QCOMPARE(bench.outcome()->acked, 2);
        QCOMPARE(bench.outcome()->required, 3);
    }

    void silenceEndsWithTheTime()
    {
        Bench bench;
        bench.read(kQuorum);
        bench.reader.expire(5999, bench.out);
        QVERIFY(!bench.outcome());
        bench.reader.expire(6000, bench.out);
        QCOMPARE(bench.outcome()->status, Status::TooFewReplicas);
        QCOMPARE(bench.outcome()->acked, 1);
        bench.answer(2, copyOf(recordOf(20)));
        QVERIFY(bench.sent<FetchRequest>().empty());
    }

    void aFetchThatDoesNotComeEndsWithTheTime()
    {
        Bench bench;
        bench.read(kQuorum);
        bench.answer(2, copyOf(recordOf(20)));
        bench.reader.expire(6000, bench.out);
        QCOMPARE(bench.outcome()->status, Status::TooFewReplicas);
        QVERIFY(!bench.deliver(2, {recordOf(20)}));
    }

    void aLostLinkCountsNoMore()
    {
        Bench bench;
        bench.read(kQuorum);
        bench.answer(2, copyOf(recordOf(20)));
        bench.reader.linkLost(2, bench.out);
        QVERIFY(!bench.outcome());
        bench.answer(3, copyOf(recordOf(20)));
        bench.deliver(3, {recordOf(20)});
        QCOMPARE(bench.outcome()->record, std::optional(recordOf(20)));

        Bench all;
        all.read(kQuorum);
        all.reader.linkLost(2, all.out);
        QVERIFY(!all.outcome());
        all.reader.linkLost(3, all.out);
        QCOMPARE(all.outcome()->status, Status::TooFewReplicas);
    }

    void whatIsNotWhatWasAskedForIsNoAnswer()
    {
        const Record other{"other", RecordKind::Value, {20, 1}, 0, {}, {}, "v"};
        for (const std::vector<Record> &wrong :
             {std::vector<Record>{}, {other}, {recordOf(19)}, {recordOf(20), recordOf(20)}}) {
            Bench bench;
            bench.read(kQuorum);
            bench.answer(2, copyOf(recordOf(20)));
            QVERIFY(!bench.deliver(3, {recordOf(20)})); // Not its question.
            QVERIFY(!bench.outcome());
            QVERIFY(!bench.deliver(2, wrong));
            QVERIFY(!bench.outcome());
            bench.answer(3, {});
            QCOMPARE(bench.outcome()->status, Status::Done);
            QVERIFY(!bench.outcome()->record);
        }
    }

    void onlyTheMemberItselfAnswersForIt()
    {
        Bench bench;
        bench.read(kAll);
        const auto asked = bench.sent<CopyRequest>();
        bench.reader.answered(3, CopyReply{asked[0].second.id, {}}, bench.out);
        bench.reader.answered(2, CopyReply{asked[1].second.id, {}}, bench.out);
        bench.reader.answered(2, CopyReply{424242, {}}, bench.out);
        bench.answer(2, {});
        bench.answer(2, {});
        QVERIFY(!bench.outcome());
        bench.answer(3, {});
        QCOMPARE(bench.outcome()->acked, 3);
    }

    void theBytesThatAreFetchedAreBounded()
    {
        Bench bench;
        ReplicaCopy large = copyOf(recordOf(20));
        large.valueBytes = qint64{16} << 20;
        int refused = 0;
        for (RequestId request = 1; request <= 10; ++request) {
            bench.out.clear();
            bench.reader.read({request, {"k", kQuorum, {}, 1000}}, {2}, true, 3, 5000, bench.out);
            bench.answer(2, large);
            for (const Effect &effect : bench.out) {
                const auto *reply = std::get_if<ReadReply>(&effect);
                refused += reply && reply->outcome.status == Status::NotReady ? 1 : 0;
            }
        }
        QCOMPARE(refused, 6);
        bench.reader.linkLost(2, bench.out); // All of it is free again.
        bench.out.clear();
        bench.read(kQuorum);
        bench.answer(2, large);
        QVERIFY(!bench.outcome());
    }
};

QTEST_GUILESS_MAIN(TestQuorumReader)
#include "tst_quorum_reader.moc"
