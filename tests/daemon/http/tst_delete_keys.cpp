// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/router.h"
#include "tests/daemon/http/api_fixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

#include <future>

using namespace dynakv;
using namespace dynakv::http;

using test::headerOf;
using test::objectOf;

namespace {

constexpr qint64 kNowMs = 1'700'000'000'000;

} // namespace

/// `DELETE /v1/keys`.
class TestDeleteKeys : public QObject
{
    Q_OBJECT

private:
    Answer begin(Method method, const QByteArray &target)
    {
        HttpRequest request = test::requestFor(method, target);
        return route(request, m_api->context);
    }
    /// The outcomes of what must be written first.
    std::vector<core::WriteOutcome> write(const PendingGroup &group)
    {
        std::promise<std::vector<core::WriteOutcome>> done;
        m_api->coordinator.submitGroup(
            group.requests, [&done](auto outcomes) { done.set_value(std::move(outcomes)); });
        return done.get_future().get();
    }
    HttpReply ask(Method method, const QByteArray &target)
    {
        Answer answer = begin(method, target);
        if (const auto *group = std::get_if<PendingGroup>(&answer))
            return group->toReply(write(*group));
        return std::get<HttpReply>(answer);
    }
    HttpReply remove(const QByteArray &parameters)
    {
        return ask(Method::Delete, "/v1/keys" + parameters);
    }
    QJsonObject job(const QByteArray &id) { return objectOf(ask(Method::Get, "/v1/jobs/" + id)); }
    void store(const QByteArray &key, quint64 clock = 1)
    {
        m_api->table.apply(core::Record{key, core::RecordKind::Value, {clock, 7}, 0, {}, {}, "1"});
    }
    void fill(const QByteArray &prefix, int count)
    {
        for (int i = 0; i < count; ++i)
            store(prefix + QByteArray::number(i));
    }
    int liveKeys() { return static_cast<int>(m_api->table.liveCount()); }

    std::unique_ptr<test::ApiFixture> m_api;

private Q_SLOTS:
    void init() { m_api = std::make_unique<test::ApiFixture>(kNowMs); }

    void aThousandKeysAreDeletedAtOnce()
    {
        fill("a/", 1000);
        fill("b/", 3);
        const HttpReply reply = remove("?prefix=a%2F&w=1&durability=os&timeout=50");
        QCOMPARE(reply.status, 200);
        QCOMPARE(reply.body, "{\"deleted\":1000}");
        QCOMPARE(headerOf(reply, "DynaKV-Durability"), "sync; replicas=1/3");
        QCOMPARE(m_api->coordinator.submittedCount(), 1);
        QCOMPARE(m_api->coordinator.lastRequest().durability, core::Durability::Os);
        QCOMPARE(m_api->coordinator.lastRequest().timeoutMs, 50);
        QCOMPARE(liveKeys(), 3);
        QCOMPARE(remove("?prefix=a%2F").body, "{\"deleted\":0}");
        QCOMPARE(remove("?all=true").body, "{\"deleted\":3}");
        QCOMPARE(liveKeys(), 0);
    }

    void aDryRunOnlyCounts()
    {
        fill("a", 1000);
        QCOMPARE(remove("?prefix=a&dry_run=true").body, "{\"count\":1000}");
        store("a1000");
        const QJsonObject many = objectOf(remove("?prefix=a&dry_run"));
        QVERIFY(many.value(QLatin1String("estimated")).toBool());
        const int count = many.value(QLatin1String("count")).toInt();
        QVERIFY2(count > 1000 && count < 1200, qPrintable(QString::number(count)));
        QCOMPARE(remove("?all=true&dry_run").status, 200);
        QCOMPARE(liveKeys(), 1001);
        QCOMPARE(m_api->coordinator.submittedCount(), 0);
    }

    void refusesWhatIsNotMeant_data()
    {
        QTest::addColumn<QByteArray>("parameters");
        QTest::addColumn<int>("status");
        QTest::newRow("everything by accident") << QByteArray() << 400;
        QTest::newRow("an empty prefix") << QByteArray("?prefix=") << 400;
        QTest::newRow("all, but not quite") << QByteArray("?prefix=a&all=true") << 400;
        QTest::newRow("all=maybe") << QByteArray("?all=maybe") << 400;
        QTest::newRow("dry_run=maybe") << QByteArray("?prefix=a&dry_run=maybe") << 400;
        QTest::newRow("a typing error") << QByteArray("?prefix=a&dryrun=true") << 400;
        QTest::newRow("a key") << QByteArray("?prefix=a&from=b") << 400;
        QTest::newRow("too long") << "?prefix=" + QByteArray(1025, 'a') << 400;
        QTest::newRow("broken encoding") << QByteArray("?prefix=%4") << 400;
        QTest::newRow("no replicas") << QByteArray("?prefix=a&w=0") << 400;
        QTest::newRow("no durability") << QByteArray("?prefix=a&durability=memory") << 400;
        QTest::newRow("no time") << QByteArray("?prefix=a&timeout=0") << 400;
        QTest::newRow("read concern") << QByteArray("?prefix=a&r=2") << 400;
    }

    void refusesWhatIsNotMeant()
    {
        QFETCH(QByteArray, parameters);
        QFETCH(int, status);
        fill("a", 3);
        QCOMPARE(remove(parameters).status, status);
        QCOMPARE(m_api->coordinator.submittedCount(), 0);
        m_api->coordinator.setReadiness(core::Readiness::CatchingUp);
        QCOMPARE(remove("?prefix=a").status, 503);
    }

    void moreThanAThousandBecomeAJob()
    {
        fill("a", 3500);
        fill("b", 2);
        QCOMPARE(ask(Method::Post, "/v1/admin/compact").status, 202);
        const HttpReply begun = remove("?prefix=a");
        QCOMPARE(begun.status, 202);
        QCOMPARE(headerOf(begun, "Location"), "/v1/jobs/d1");
        const QJsonObject first = objectOf(begun).value(QLatin1String("job")).toObject();
        QCOMPARE(first.value(QLatin1String("id")).toString(), QStringLiteral("d1"));
        QCOMPARE(first.value(QLatin1String("kind")).toString(), QStringLiteral("delete_prefix"));
        QCOMPARE(first.value(QLatin1String("prefix")).toString(), QStringLiteral("a"));
        QVERIFY(first.value(QLatin1String("records")).toInt() >= 1000);
        QTRY_COMPARE(job("d1").value(QLatin1String("state")).toString(), QStringLiteral("done"));
        QCOMPARE(job("d1").value(QLatin1String("records")).toInt(), 3500);
        QVERIFY(job("d1").contains(QLatin1String("ended_at")));
        QCOMPARE(liveKeys(), 2);
        // Jobs of the file stand in the same list, under ids of their own.
        QStringList ids;
        for (const QJsonValue &each :
             objectOf(ask(Method::Get, "/v1/jobs")).value(QLatin1String("jobs")).toArray())
            ids += each[QLatin1String("id")].toString();
        ids.sort();
        QCOMPARE(ids, (QStringList{QStringLiteral("1"), QStringLiteral("d1")}));
        for (const char *id : {"d2", "d", "d-1", "dd1", "2"})
            QCOMPARE(ask(Method::Get, QByteArray("/v1/jobs/") + id).status, 404);
    }

    void whatIsWrittenAfterTheRequestStays()
    {
        fill("a", 3000);
        Answer answer = begin(Method::Delete, "/v1/keys?prefix=a");
        const auto &group = std::get<PendingGroup>(answer);
        const auto outcomes = write(group);
        // Two keys that the walk comes to later: one from before the request, one from after it.
        store("a998", outcomes.front().version.clock - 1);
        store("a999", outcomes.front().version.clock);
        QCOMPARE(group.toReply(outcomes).status, 202);
        QTRY_COMPARE(job("d1").value(QLatin1String("state")).toString(), QStringLiteral("done"));
        QCOMPARE(job("d1").value(QLatin1String("records")).toInt(), 2999);
        QCOMPARE(liveKeys(), 1);
        QVERIFY(m_api->table.find("a999")->isLive(kNowMs));
        QCOMPARE(m_api->table.find("a998")->version.clock, outcomes.front().version.clock);
    }

    void aFailureIsToldByAnswerOrJob()
    {
        fill("a", 3000);
        Answer answer = begin(Method::Delete, "/v1/keys?prefix=a&w=quorum");
        const auto &group = std::get<PendingGroup>(answer);
        const auto outcomes = write(group);
        core::WriteOutcome full;
        full.status = core::WriteOutcome::Status::NoSpace;
        full.detail = "the disk is full";
        m_api->coordinator.answerWith(full);
        QCOMPARE(group.toReply(outcomes).status, 202);
        QTRY_COMPARE(job("d1").value(QLatin1String("state")).toString(), QStringLiteral("failed"));
        QVERIFY(job("d1")
                    .value(QLatin1String("detail"))
                    .toString()
                    .startsWith(QLatin1String("the disk is full")));
        QCOMPARE(job("d1").value(QLatin1String("records")).toInt(), 1000);
        const HttpReply refused = remove("?prefix=a");
        QCOMPARE(refused.status, 503);
        QCOMPARE(objectOf(refused).value(QLatin1String("code")).toString(), QStringLiteral("full"));
    }

    void aStopDoesNotWaitForTheCoordinator()
    {
        fill("a", 3000);
        Answer answer = begin(Method::Delete, "/v1/keys?prefix=a");
        const auto &group = std::get<PendingGroup>(answer);
        const auto outcomes = write(group);
        m_api->coordinator.hold();
        QCOMPARE(group.toReply(outcomes).status, 202);
        QTRY_COMPARE(m_api->coordinator.submittedCount(), 2);
        m_api->deletions->stop();
        QCOMPARE(job("d1").value(QLatin1String("state")).toString(), QStringLiteral("failed"));
        QVERIFY(!m_api->deletions->begin({}));
        m_api->deletions.reset();
        m_api->coordinator.release(); // The completion comes to nobody.
    }

    void onlySoManyDeletionsWait()
    {
        m_api->coordinator.hold();
        store("b");
        PrefixDeletions::Order order;
        order.prefix = "b";
        order.asOfClock = 2;
        int begun = 0;
        while (begun < 100 && m_api->deletions->begin(order))
            ++begun;
        QVERIFY2(begun >= 16 && begun <= 17, qPrintable(QString::number(begun)));
        m_api->coordinator.release();
        QTRY_COMPARE(job("d16").value(QLatin1String("state")).toString(), QStringLiteral("done"));
        QVERIFY(m_api->deletions->begin(order));
    }
};

QTEST_GUILESS_MAIN(TestDeleteKeys)
#include "tst_delete_keys.moc"
