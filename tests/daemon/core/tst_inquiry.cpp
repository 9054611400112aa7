// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/inquiry.h"
#include "tests/support/map_records.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;

namespace {

constexpr NodeId kSelf = 10;

MemberRecord memberOf(NodeId id, MemberState state = MemberState::Alive)
{
    const QByteArray host = "10.0.0." + QByteArray::number(id);
    return {id, 1, 0, state, {host, 6660}, {host, 16660}, "1"};
}

/// A node of three members, of which 20 and 30 have a link.
struct Bench
{
    Bench()
    {
        members.setSelf(memberOf(kSelf));
        members.merge(memberOf(20));
        members.merge(memberOf(30));
        links = {{20, 2}, {30, 3}};
    }
    void ask(const QByteArray &key = "k", int timeoutMs = 1000)
    {
        inquiry.ask({7, {key, timeoutMs}}, members, links, nowMs, out);
    }
    [[nodiscard]] std::vector<std::pair<LinkId, CopyRequest>> asked() const
    {
        std::vector<std::pair<LinkId, CopyRequest>> all;
        for (const Effect &effect : out) {
            if (const auto *send = std::get_if<Send>(&effect))
                all.emplace_back(send->link, std::get<CopyRequest>(send->message));
        }
        return all;
    }
    [[nodiscard]] const QuestionReply *reply() const
    {
        for (const Effect &effect : out) {
            if (const auto *reply = std::get_if<QuestionReply>(&effect))
                return reply;
        }
        return nullptr;
    }

    testing::MapRecords records;
    MemberTable members{kSelf};
    std::map<NodeId, LinkId> links;
    quint64 ids = 0;
    Inquiry inquiry{kSelf, records, ids};
    qint64 nowMs = 5000;
    Effects out;
};

Record recordOf(const QByteArray &key, const QByteArray &value)
{
    return {key, RecordKind::Value, {99, kSelf}, 12345, {}, {}, value};
}

} // namespace

class TestInquiry : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void everyMemberIsAskedAndAnswered()
    {
        Bench bench;
        const Record record = recordOf("k", "12");
        bench.records.apply(record);
        bench.ask();
        const auto asked = bench.asked();
        QCOMPARE(asked.size(), std::size_t(2));
        QVERIFY(!bench.reply());
        QCOMPARE(asked[0].second.key, "k");

        const ReplicaCopy theirs{true, {{98, 20}, 5}, RecordKind::Tombstone, 0, 0};
        bench.inquiry.answered(2, {asked[0].second.id, theirs}, bench.out);
        QVERIFY(!bench.reply());
        bench.inquiry.answered(3, {asked[1].second.id, {}}, bench.out);
        const QuestionReply *reply = bench.reply();
        QVERIFY(reply);
        QCOMPARE(reply->request, RequestId(7));
        QCOMPARE(reply->replicas.size(), std::size_t(3));
        QVERIFY(reply->replicas[0].isSelf);
        QCOMPARE(reply->replicas[0].copy,
                 (ReplicaCopy{true, stampOf(record), RecordKind::Value, 12345, 2}));
        QCOMPARE(reply->replicas[1].copy, theirs);
        QCOMPARE(reply->replicas[1].address, "10.0.0.20:6660");
        QVERIFY(reply->replicas[2].copy && !reply->replicas[2].copy->isHeld);
        QVERIFY(reply->replicas[2].detail.isEmpty());
    }

    void whoHasNoLinkIsNotWaitedFor()
    {
        Bench bench;
        bench.links.clear();
        bench.members.merge(memberOf(40, MemberState::Left));
        bench.ask();
        QVERIFY(bench.reply());
        QCOMPARE(bench.reply()->replicas.size(), std::size_t(3)); // Who left holds nothing of ours.
        QVERIFY(!bench.reply()->replicas[1].copy);
        QCOMPARE(bench.reply()->replicas[1].detail, "there is no connection with it");
    }

    void whoIsSilentIsToldAsSuchWhenTheTimeIsUp()
    {
        Bench bench;
        bench.ask("k", 1000);
        const auto asked = bench.asked();
        bench.inquiry.answered(3, {asked[1].second.id, {}}, bench.out);
        bench.inquiry.expire(5999, bench.out);
        QVERIFY(!bench.reply());
        bench.inquiry.expire(6000, bench.out);
        QVERIFY(bench.reply());
        QVERIFY(!bench.reply()->replicas[1].copy);
        QCOMPARE(bench.reply()->replicas[1].detail, "it did not answer in time");
        QVERIFY(bench.reply()->replicas[2].copy);
        // What comes too late changes nothing.
        const std::size_t before = bench.out.size();
        bench.inquiry.answered(2, {asked[0].second.id, {}}, bench.out);
        bench.inquiry.expire(99'999, bench.out);
        QCOMPARE(bench.out.size(), before);
    }

    void aLostLinkAnswersForItsMember()
    {
        Bench bench;
        bench.ask("k");
        bench.ask("l");
        bench.inquiry.linkLost(2, bench.out);
        QVERIFY(!bench.reply());
        bench.inquiry.linkLost(3, bench.out);
        const auto replies =
            std::count_if(bench.out.begin(), bench.out.end(), [](const auto &each) {
                return std::holds_alternative<QuestionReply>(each);
            });
        QCOMPARE(replies, 2);
        QCOMPARE(bench.reply()->replicas[1].detail, "the connection with it was lost");
    }

    void onlyTheMemberItselfAnswersForIt()
    {
        Bench bench;
        bench.ask();
        const auto asked = bench.asked();
        bench.inquiry.answered(3, {asked[0].second.id, {}}, bench.out);
        bench.inquiry.answered(2, {asked[1].second.id, {}}, bench.out);
        bench.inquiry.answered(2, {424242, {}}, bench.out);
        QVERIFY(!bench.reply());
    }

    void theAnsweringSideTellsWhatItHolds()
    {
        testing::MapRecords records;
        QCOMPARE(answer(CopyRequest{3, "k"}, records), (CopyReply{3, {}}));
        const Record record = recordOf("k", "value");
        records.apply(record);
        QCOMPARE(answer(CopyRequest{4, "k"}, records),
                 (CopyReply{4, {true, stampOf(record), RecordKind::Value, 12345, 5}}));
    }
};

QTEST_GUILESS_MAIN(TestInquiry)
#include "tst_inquiry.moc"
