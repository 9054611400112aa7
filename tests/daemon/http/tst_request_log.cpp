// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/request_log.h"
#include "daemon/http/router.h"
#include "shared/base/request_scope.h"

#include <QLoggingCategory>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::http;

namespace {

struct Line
{
    QtMsgType type = QtDebugMsg;
    QByteArray text = {};
    QByteArray requestId = {};
};

QList<Line> &lines()
{
    static QList<Line> all;
    return all;
}

void keep(QtMsgType type, const QMessageLogContext &, const QString &text)
{
    lines().append({type, text.toUtf8(), base::RequestScope::current()});
}

/// Keeps what is logged while it lives.
class Log
{
public:
    Log()
        : m_outer(qInstallMessageHandler(keep))
    {
        lines().clear();
    }
    ~Log() { qInstallMessageHandler(m_outer); }
    Q_DISABLE_COPY_MOVE(Log)

private:
    QtMessageHandler m_outer;
};

} // namespace

class TestRequestLog : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aSlowRequestIsOneLineWithItsId()
    {
        HttpMetrics metrics;
        RequestLog log(metrics, 100);
        const RequestTrace trace{1, Method::Put, "/key/a%0Ab", "id-1", 1'000'000};
        const Log kept;
        log.answered(trace, 200, 1'100'000);
        QVERIFY(lines().isEmpty());
        log.answered(trace, 503, 1'250'000);
        QCOMPARE(lines().size(), 1);
        QCOMPARE(lines()[0].type, QtInfoMsg);
        QCOMPARE(lines()[0].text, "slow request: PUT /key/a%0Ab 503 in 250.0 ms");
        QCOMPARE(lines()[0].requestId, "id-1");
        QCOMPARE(metrics.slowRequests.value(), 1);
        QCOMPARE(metrics.endpoints[1].count(200), 1);
        QCOMPARE(metrics.endpoints[1].count(503), 1);
        QVERIFY(base::RequestScope::current().isEmpty());
    }

    void manySlowOnesAreOneLineASecond()
    {
        HttpMetrics metrics;
        RequestLog log(metrics, 100);
        const Log kept;
        for (int i = 0; i < 50; ++i) {
            const qint64 nowUs = 10'000'000 + i * 30'000;
            log.answered({1, Method::Get, "/", "id", nowUs - 200'000}, 200, nowUs);
        }
        QCOMPARE(lines().size(), 2);
        QVERIFY(lines()[1].text.endsWith(" more like it)"));
        QCOMPARE(metrics.slowRequests.value(), 50);
    }

    void whereNothingIsSlowNothingIsSaid()
    {
        HttpMetrics metrics;
        RequestLog log(metrics, 0);
        const Log kept;
        log.answered({1, Method::Get, "/", "id", 0}, 200, 3'600'000'000);
        QVERIFY(lines().isEmpty());
    }

    void everyRequestIsALineWhereThatIsAskedFor()
    {
        HttpMetrics metrics;
        RequestLog log(metrics, 1000);
        QLoggingCategory::setFilterRules(QStringLiteral("dynakv.http.access.debug=true"));
        const Log kept;
        log.answered({1, Method::Get, "/key/" + QByteArray(5000, 'x'), "id", 0}, 200, 1500);
        QLoggingCategory::setFilterRules({});
        QCOMPARE(lines().size(), 1);
        QCOMPARE(lines()[0].text, "GET /key/" + QByteArray(251, 'x') + "... 200 in 1.5 ms");
    }

    void anUnusualStatusCountsAsOther()
    {
        HttpMetrics metrics;
        RequestLog log(metrics, 1000);
        log.answered({kNoEndpoint, Method::Get, "/", "id", 0}, 299, 1);
        log.answered({kNoEndpoint, Method::Get, "/", "id", 0}, 298, 1);
        QCOMPARE(metrics.endpoints[kNoEndpoint].count(0), 2);
    }
};

QTEST_GUILESS_MAIN(TestRequestLog)
#include "tst_request_log.moc"
