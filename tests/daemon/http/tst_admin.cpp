// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/prefix_deletions.h"
#include "daemon/http/router.h"
#include "daemon/store/table.h"
#include "tests/daemon/http/fake_coordinator.h"
#include "tests/daemon/http/fake_file_keeper.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::http;
using storage::StorageJob;

/// What operators ask of a node's file.
class TestAdmin : public QObject
{
    Q_OBJECT

private:
    HttpReply ask(Method method, const QByteArray &target, const QByteArray &body = {})
    {
        HttpRequest request;
        request.method = method;
        const qsizetype question = target.indexOf('?');
        request.path = question < 0 ? target : target.first(question);
        request.query = question < 0 ? QByteArray() : target.sliced(question + 1);
        request.body = body;
        request.requestId = "r1";
        return std::get<HttpReply>(route(request, *m_context));
    }

    static QJsonObject objectOf(const HttpReply &reply)
    {
        return QJsonDocument::fromJson(reply.body).object();
    }

    std::unique_ptr<store::Table> m_table;
    std::unique_ptr<test::FakeCoordinator> m_coordinator;
    std::unique_ptr<http::PrefixDeletions> m_deletions;
    std::unique_ptr<test::FakeFileKeeper> m_file;
    std::unique_ptr<ApiContext> m_context;

private Q_SLOTS:
    void init()
    {
        m_context.reset();
        m_deletions.reset();
        m_coordinator.reset();
        m_table = std::make_unique<store::Table>();
        m_coordinator = std::make_unique<test::FakeCoordinator>(*m_table);
        m_deletions = std::make_unique<http::PrefixDeletions>(
            *m_table, *m_coordinator, [] { return qint64{1'700'000'000'000}; });
        m_file = std::make_unique<test::FakeFileKeeper>();
        m_context.reset(new ApiContext{*m_table, *m_coordinator, *m_file, 1 << 20, "1.2.3",
                                       [] { return qint64{1'700'000'000'000}; },
                                       core::Durability::Sync, *m_deletions});
    }

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

        StorageJob done = *m_file->job(1);
        done.state = StorageJob::State::Done;
        done.endedMs = done.startedMs + 1500;
        done.records = 7;
        done.pausedUs = 900;
        m_file->setJob(done);
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
        QCOMPARE(m_file->job(1)->path, QStringLiteral("/data/backups/monday.db"));
        QCOMPARE(m_file->job(2)->path, QStringLiteral("/data/backups/20231114-221320.db"));
        StorageJob done = *m_file->job(1);
        done.sha256 = "abc";
        m_file->setJob(done);
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
        m_file->refuseWith({code, "the reason"});
        for (const char *target : {"/v1/admin/compact", "/v1/admin/backup?name=x"}) {
            const HttpReply reply = ask(Method::Post, target);
            QCOMPARE(reply.status, status);
            QCOMPARE(reply.contentType, "application/problem+json");
            QVERIFY(reply.body.contains("the reason"));
        }
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
        QVERIFY(m_file->jobs().empty());
    }

    void theStatisticsTellOfTableAndFile()
    {
        m_table->apply(core::Record{"k", core::RecordKind::Value, {1, 1}, 0, {}, {}, "12345"});
        m_table->apply(core::Record{"t", core::RecordKind::Tombstone, {2, 1}, 0, {}, {}, {}});
        QVERIFY(!objectOf(ask(Method::Get, "/v1/stats")).contains(QLatin1String("file")));
        m_file->setStatus({1000, 400, 3, "the disk said no"});
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
