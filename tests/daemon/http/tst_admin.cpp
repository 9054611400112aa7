// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/router.h"
#include "tests/daemon/http/api_fixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::http;
using storage::StorageJob;
using test::objectOf;

/// What operators ask of a node's file.
class TestAdmin : public QObject
{
    Q_OBJECT

private:
    HttpReply ask(Method method, const QByteArray &target, const QByteArray &body = {})
    {
        HttpRequest request = test::requestFor(method, target);
        request.body = body;
        Answer answer = route(request, m_api->context);
        if (const auto *asked = std::get_if<PendingQuestion>(&answer)) {
            m_question = asked->question;
            return asked->toReply(m_replicas);
        }
        return std::get<HttpReply>(answer);
    }

    std::unique_ptr<test::ApiFixture> m_api;
    core::ReplicaQuestion m_question;          ///< The last one,
    std::vector<core::ReplicaView> m_replicas; ///< and what it is answered.

private Q_SLOTS:
    void init() { m_api = std::make_unique<test::ApiFixture>(1'700'000'000'000); }

    void aCompactionIsAJobThatCanBeFollowed()
    {
        const HttpReply begun = ask(Method::Post, "/v1/admin/compact");
        QCOMPARE(begun.status, 202);
        const QJsonObject job = objectOf(begun)[QLatin1String("job")].toObject();
        QCOMPARE(job[QLatin1String("kind")].toString(), QStringLiteral("compaction"));
        QCOMPARE(job[QLatin1String("state")].toString(), QStringLiteral("running"));
        const auto location =
            std::find_if(begun.headers.begin(), begun.headers.end(),
                         [](const auto &each) { return each.first == "Location"; });
        QVERIFY(location != begun.headers.end());
        QCOMPARE(location->second, "/v1/jobs/1");

        StorageJob done = *m_api->file.job(1);
        done.state = StorageJob::State::Done;
        done.endedMs = done.startedMs + 1500;
        done.records = 7;
        done.pausedUs = 900;
        m_api->file.setJob(done);
        const QJsonObject after = objectOf(ask(Method::Get, location->second));
        QCOMPARE(after[QLatin1String("state")].toString(), QStringLiteral("done"));
        QCOMPARE(after[QLatin1String("records")].toInt(), 7);
        QCOMPARE(after[QLatin1String("writes_paused_us")].toInt(), 900);
        QCOMPARE(after[QLatin1String("ended_at")].toString(),
                 QStringLiteral("2023-11-14T22:13:21.500Z"));
    }

    void aBackupHasANameOrThePresent()
    {
        QCOMPARE(ask(Method::Post, "/v1/admin/backup?name=monday").status, 202);
        QCOMPARE(ask(Method::Post, "/v1/admin/backup").status, 202);
        QCOMPARE(m_api->file.job(1)->path, QStringLiteral("/data/backups/monday.db"));
        QCOMPARE(m_api->file.job(2)->path, QStringLiteral("/data/backups/20231114-221320.db"));
        StorageJob done = *m_api->file.job(1);
        done.sha256 = "abc";
        m_api->file.setJob(done);
        const QJsonArray jobs =
            objectOf(ask(Method::Get, "/v1/jobs"))[QLatin1String("jobs")].toArray();
        QCOMPARE(jobs.size(), 2);
        // The name alone: where the directory lies is nobody's business out there.
        QCOMPARE(jobs[1].toObject()[QLatin1String("file")].toString(), QStringLiteral("monday.db"));
        QCOMPARE(jobs[1].toObject()[QLatin1String("sha256")].toString(), QStringLiteral("abc"));
    }

    void whatIsRefusedSaysWhy_data()
    {
        QTest::addColumn<base::ErrorCode>("code");
        QTest::addColumn<int>("status");
        QTest::newRow("bad name") << base::ErrorCode::Invalid << 400;
        QTest::newRow("one runs") << base::ErrorCode::Conflict << 409;
        QTest::newRow("no room") << base::ErrorCode::NoSpace << 503;
        QTest::newRow("no file") << base::ErrorCode::Unavailable << 503;
    }
    void whatIsRefusedSaysWhy()
    {
        QFETCH(base::ErrorCode, code);
        QFETCH(int, status);
        m_api->file.refuseWith({code, "the reason"});
        for (const char *target : {"/v1/admin/compact", "/v1/admin/backup?name=x"}) {
            const HttpReply reply = ask(Method::Post, target);
            QCOMPARE(reply.status, status);
            QCOMPARE(reply.contentType, "application/problem+json");
            QVERIFY(reply.body.contains("the reason"));
        }
    }

    void aNodeThatShallHaveNoFileSaysSo()
    {
        m_api->context.durability = core::Durability::Memory;
        for (const char *target : {"/v1/admin/compact", "/v1/admin/backup?name=x"}) {
            const HttpReply reply = ask(Method::Post, target);
            QCOMPARE(reply.status, 409);
            QVERIFY(reply.body.contains("memory_mode"));
        }
        QVERIFY(m_api->file.jobs().empty());
    }

    void whatIsNotAskedProperlyIsRefused()
    {
        QCOMPARE(ask(Method::Post, "/v1/admin/compact", "{}").status, 400);
        QCOMPARE(ask(Method::Post, "/v1/admin/backup", "{}").status, 400);
        QCOMPARE(ask(Method::Post, "/v1/admin/compact?now=1").status, 400);
        QCOMPARE(ask(Method::Get, "/v1/admin/compact").status, 405);
        QCOMPARE(ask(Method::Post, "/v1/jobs/1").status, 405);
        for (const char *target : {"/v1/jobs/1", "/v1/jobs/", "/v1/jobs/x", "/v1/jobs/-1"})
            QCOMPARE(ask(Method::Get, target).status, 404);
        QVERIFY(m_api->file.jobs().empty());
    }

    void theReplicasOfAKeyAreCompared()
    {
        const auto asked = [this](const QByteArray &target) {
            return objectOf(ask(Method::Get, target));
        };
        const core::ReplicaCopy copy{
            true, {{quint64{1'699'999'998'000} << 16, 0xa}, 5}, core::RecordKind::Value, 0, 12};
        m_replicas = {{1, "h:1", core::MemberState::Alive, true, {}, copy},
                      {2, "h:2", core::MemberState::Alive, false, {}, copy},
                      {3, "h:3", core::MemberState::Down, false, "no link", {}}};
        const QJsonObject equal = asked("/v1/key-replicas/a%2Fb?timeout=500");
        QCOMPARE(m_question, (core::ReplicaQuestion{"a/b", 500}));
        QCOMPARE(equal[QLatin1String("key")].toString(), QStringLiteral("a/b"));
        QCOMPARE(equal[QLatin1String("equal")].toBool(), true);
        const QJsonArray replicas = equal[QLatin1String("replicas")].toArray();
        QCOMPARE(replicas[0][QLatin1String("hash")].toString(), QStringLiteral("0000000000000005"));
        QCOMPARE(replicas[0][QLatin1String("age_ms")].toInt(), 2000);
        QCOMPARE(replicas[0][QLatin1String("size")].toInt(), 12);
        QCOMPARE(replicas[2][QLatin1String("answered")].toBool(), false);
        QCOMPARE(replicas[2][QLatin1String("detail")].toString(), QStringLiteral("no link"));
        m_replicas[1].copy->stamp.contentHash = 6;
        QCOMPARE(asked("/v1/key-replicas/k")[QLatin1String("equal")].toBool(true), false);
        m_replicas[1].copy = core::ReplicaCopy{};
        QCOMPARE(asked("/v1/key-replicas/k")[QLatin1String("equal")].toBool(true), false);
        m_replicas.clear();
        QCOMPARE(asked("/v1/key-replicas/k")[QLatin1String("status")].toInt(), 503);
        for (const char *target :
             {"/v1/key-replicas/", "/v1/key-replicas/%zz", "/v1/key-replicas/k?timeout=0",
              "/v1/key-replicas/k?timeout=60001", "/v1/key-replicas/k?x=1"})
            QCOMPARE(ask(Method::Get, target).status, 400);
    }

    void theLogLevelIsChangedAndTold()
    {
        QByteArray asked = "nothing yet";
        m_api->context.process.changeLogRules =
            [&asked](const QByteArray &rules) -> base::Result<LogRulesChange> {
            asked = rules;
            if (rules == "loud")
                return {base::ErrorCode::Invalid, "'loud' is not a log rule"};
            return LogRulesChange{"info", rules.isEmpty() ? QByteArray("info") : rules};
        };
        const QJsonObject told = objectOf(ask(Method::Post, "/v1/admin/log-level"));
        QCOMPARE(asked, "");
        QCOMPARE(told[QLatin1String("level")].toString(), QStringLiteral("info"));
        const QJsonObject changed =
            objectOf(ask(Method::Post, "/v1/admin/log-level?level=info,cluster=debug"));
        QCOMPARE(changed[QLatin1String("level")].toString(), QStringLiteral("info,cluster=debug"));
        QCOMPARE(changed[QLatin1String("before")].toString(), QStringLiteral("info"));
        const HttpReply refused = ask(Method::Post, "/v1/admin/log-level?level=loud");
        QCOMPARE(refused.status, 400);
        QVERIFY(refused.body.contains("not a log rule"));
        asked = "nothing more";
        QCOMPARE(ask(Method::Post, "/v1/admin/log-level?level=").status, 400);
        QCOMPARE(ask(Method::Post, "/v1/admin/log-level?lvl=debug").status, 400);
        QCOMPARE(ask(Method::Post, "/v1/admin/log-level", "debug").status, 400);
        QCOMPARE(ask(Method::Get, "/v1/admin/log-level").status, 405);
        QCOMPARE(asked, "nothing more");
    }

    void theStatisticsTellOfTableAndFile()
    {
        m_api->table.apply(core::Record{"k", core::RecordKind::Value, {1, 1}, 0, {}, {}, "12345"});
        m_api->table.apply(core::Record{"t", core::RecordKind::Tombstone, {2, 1}, 0, {}, {}, {}});
        QVERIFY(!objectOf(ask(Method::Get, "/v1/stats")).contains(QLatin1String("file")));
        m_api->file.setStatus({1000, 400, 3, "the disk said no"});
        const QJsonObject stats = objectOf(ask(Method::Get, "/v1/stats"));
        QCOMPARE(stats[QLatin1String("keys")].toInt(), 1);
        QCOMPARE(stats[QLatin1String("tombstones")].toInt(), 1);
        QCOMPARE(stats[QLatin1String("bytes")].toInt(), 7);
        QVERIFY(stats[QLatin1String("memory_bytes")].toInt() > 7);
        const QJsonObject file = stats[QLatin1String("file")].toObject();
        QCOMPARE(file[QLatin1String("bytes")].toInt(), 1000);
        QCOMPARE(file[QLatin1String("generation")].toInt(), 3);
        QCOMPARE(file[QLatin1String("writable")].toBool(), false);
        QCOMPARE(file[QLatin1String("detail")].toString(), QStringLiteral("the disk said no"));
    }
};

QTEST_GUILESS_MAIN(TestAdmin)
#include "tst_admin.moc"
