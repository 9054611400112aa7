// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/answer_queue.h"
#include "daemon/core/event.h"

#include <QtTest>

using namespace dynakv::core;

namespace {

struct Bench
{
    quint64 ids = 100;
    AnswerQueue queue{ids};
    Effects out = {};

    void ask(LinkId link, quint64 id) { queue.add({link, LeavesRequest{id, 0}}, out); }
    /// Takes the one Resume that is out, and answers it.
    std::optional<AnswerQueue::Question> resume()
    {
        if (out.size() != 1)
            return std::nullopt;
        const Ticket ticket = std::get<Resume>(std::exchange(out, {}).front()).ticket;
        return queue.resumed({ticket}, out);
    }
    static quint64 idOf(const AnswerQueue::Question &question)
    {
        return std::get<LeavesRequest>(question.message).id;
    }
};

} // namespace

class TestAnswerQueue : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void eachAnswerHasItsOwnTurnInTheOrderOfAsking();
    void othersTicketsPassBy();
    void ofALostLinkNothingIsAnswered();
    void noPeerFillsTheMemory();
};

void TestAnswerQueue::eachAnswerHasItsOwnTurnInTheOrderOfAsking()
{
    Bench bench;
    bench.ask(1, 11);
    bench.ask(2, 21);
    bench.ask(1, 12);
    for (const quint64 id : {11U, 21U, 12U}) {
        QCOMPARE(bench.out.size(), size_t{1}); // However many wait.
        const auto question = bench.resume();
        QVERIFY(question);
        QCOMPARE(Bench::idOf(*question), id);
        QCOMPARE(question->link, id == 21 ? LinkId{2} : LinkId{1});
    }
    QVERIFY(bench.out.empty());
    bench.ask(2, 22);
    QCOMPARE(Bench::idOf(bench.resume().value()), quint64{22});
}

void TestAnswerQueue::othersTicketsPassBy()
{
    Bench bench;
    QVERIFY(!bench.queue.resumed({0}, bench.out));
    bench.ask(1, 11);
    const Ticket ticket = std::get<Resume>(bench.out.front()).ticket;
    QVERIFY(!bench.queue.resumed({ticket + 1}, bench.out));
    QVERIFY(bench.resume());
    QVERIFY(!bench.queue.resumed({ticket}, bench.out)); // Once.
}

void TestAnswerQueue::ofALostLinkNothingIsAnswered()
{
    Bench bench;
    bench.ask(1, 11);
    bench.queue.linkLost(1);
    QVERIFY(!bench.resume());
    QVERIFY(bench.out.empty());
    bench.ask(1, 12);
    bench.ask(2, 21);
    bench.ask(1, 13);
    bench.queue.linkLost(1);
    QCOMPARE(Bench::idOf(bench.resume().value()), quint64{21});
    QVERIFY(bench.out.empty());
}

void TestAnswerQueue::noPeerFillsTheMemory()
{
    Bench bench;
    constexpr quint64 kMax = AnswerQueue::kWaitingMaxPerLink;
    for (quint64 id = 1; id <= kMax + 10; ++id)
        bench.ask(1, id);
    bench.ask(2, 1000); // Another one's are not touched.
    for (quint64 id = 1; id <= kMax; ++id)
        QCOMPARE(Bench::idOf(bench.resume().value()), id);
    QCOMPARE(Bench::idOf(bench.resume().value()), quint64{1000});
    QVERIFY(bench.out.empty());
    bench.ask(1, 2000); // There is room again.
    QCOMPARE(Bench::idOf(bench.resume().value()), quint64{2000});
}

QTEST_APPLESS_MAIN(TestAnswerQueue)
#include "tst_answer_queue.moc"
