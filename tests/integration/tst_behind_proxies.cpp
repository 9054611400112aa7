// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/naive_backend.h"
#include "tests/integration/smuggling_cases.h"
#include "tests/integration/smuggling_judge.h"
#include "tests/support/cluster_fixture.h"
#include "tests/support/metrics_checker.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

#include <algorithm>
#include <map>
#include <memory>

using namespace dynakv;
using test::ask;
using test::Backend;
using test::Counts;
using test::FrontProxy;
using test::getRequest;
using test::isAnswerTo;
using test::Manner;
using test::NaiveBackend;
using test::nextId;
using test::WireAnswer;
using test::WireClient;

namespace {

QByteArray textOf(const std::vector<WireAnswer> &answers)
{
    QByteArrayList statuses;
    for (const WireAnswer &each : answers)
        statuses += QByteArray::number(each.status);
    return statuses.join(' ');
}

Backend backendOf(const NaiveBackend &naive)
{
    return {naive.serverPort(),
            [&naive] {
                Counts counts;
                for (const QByteArray &each : naive.executed())
                    ++counts[each.split(' ').first() + " 200"];
                return counts;
            },
            [&naive] { return naive.executed().contains("PUT /key/smuggled"); }};
}

} // namespace

/// The strict front door behind real proxies: whatever a client sends, the proxy and the daemon see
/// the same requests in it. Where they did not, a request would pass the proxy's checks as a part
/// of another one, or a client get the answer to another one's.
class TestBehindProxies : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void theDaemonItself_data() { cases(); }
    void theDaemonItself();
    void behindNginx_data() { cases(); }
    void behindNginx() { compare(FrontProxy::Kind::Nginx); }
    void behindHaproxy_data() { cases(); }
    void behindHaproxy() { compare(FrontProxy::Kind::Haproxy); }
    void behindLenientHaproxy_data() { cases(); }
    void behindLenientHaproxy() { compare(FrontProxy::Kind::LenientHaproxy); }
    void eachProxySentMuchOn_data() { kinds(); }
    void eachProxySentMuchOn();
    void clientsOfAProxyShareItsConnections_data() { kinds(); }
    void clientsOfAProxyShareItsConnections();
    void theJudgeSeesASmuggledRequest_data() { kinds(); }
    void theJudgeSeesASmuggledRequest();
    void theJudgeSeesAnAnswerForSomebodyElse_data() { kinds(); }
    void theJudgeSeesAnAnswerForSomebodyElse();
    void theTableHoldsWhatANaiveServerFallsFor();
    void nothingButWhatWasAskedForIsThere();

private:
    static void cases();
    static void kinds();
    void compare(FrontProxy::Kind kind);
    FrontProxy &proxy(FrontProxy::Kind kind);
    Counts executed() const;

    std::unique_ptr<test::Cluster> m_cluster;
    std::map<FrontProxy::Kind, std::unique_ptr<FrontProxy>> m_proxies;
    Backend m_daemon;
};

void TestBehindProxies::initTestCase()
{
    m_cluster = std::make_unique<test::Cluster>(1);
    QVERIFY(m_cluster->start());
    m_daemon = {m_cluster->node(0).address().port, [this] { return executed(); },
                [this] {
                    return m_cluster->rest(0)
                        .get("/v1/keys?prefix=smuggled")
                        .body.contains(R"("key":"smuggled")");
                }};
    QVERIFY(test::putKey(m_daemon.port, "mine"));
    QVERIFY(test::putKey(m_daemon.port, "theirs"));
    for (const auto kind :
         {FrontProxy::Kind::Nginx, FrontProxy::Kind::Haproxy, FrontProxy::Kind::LenientHaproxy}) {
        if (!FrontProxy::isInstalled(kind))
            continue;
        m_proxies[kind] = std::make_unique<FrontProxy>(kind, m_cluster->node(0).address());
        QVERIFY2(proxy(kind).start(), proxy(kind).said().constData());
    }
}

void TestBehindProxies::cases()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("direct");
    for (const auto &each : test::smugglingCases())
        QTest::newRow(each.name.constData()) << each.bytes << each.direct;
}

void TestBehindProxies::kinds()
{
    QTest::addColumn<FrontProxy::Kind>("kind");
    QTest::newRow("nginx") << FrontProxy::Kind::Nginx;
    QTest::newRow("haproxy") << FrontProxy::Kind::Haproxy;
    QTest::newRow("lenient haproxy") << FrontProxy::Kind::LenientHaproxy;
}

FrontProxy &TestBehindProxies::proxy(FrontProxy::Kind kind)
{
    return *m_proxies.at(kind);
}

Counts TestBehindProxies::executed() const
{
    // dynakv_http_requests_total{method="PUT",route="/key/{key}",code="200"} 1
    Counts counts;
    for (const QByteArray &line : m_cluster->rest(0).get("/metrics").body.split('\n')) {
        const QByteArrayList parts = line.split('"');
        if (parts[0] == "dynakv_http_requests_total{method=" && parts[3] == "/key/{key}")
            counts[parts[1] + ' ' + parts[5]] = parts[6].split(' ').last().toInt();
    }
    return counts;
}

void TestBehindProxies::theDaemonItself()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, direct);
    const QByteArray mine = nextId();
    WireClient client(m_daemon.port);
    client.send(bytes + getRequest("mine", mine));
    const auto answers = client.upTo(mine, test::kAnswerMs);
    QCOMPARE(textOf(answers), direct);
    QVERIFY(isAnswerTo(answers.back(), "mine", mine) || client.isEndedByServer(test::kAnswerMs));
    QVERIFY(!m_daemon.isSmuggled());
}

void TestBehindProxies::compare(FrontProxy::Kind kind)
{
    if (m_proxies.count(kind) == 0)
        QSKIP("the proxy is not installed (Debian packages nginx and haproxy)");
    QFETCH(QByteArray, bytes);
    const FrontProxy &proxy = this->proxy(kind);
    for (const Manner manner : {Manner::Alone, Manner::HeadFirst, Manner::Pipelined}) {
        const QByteArray fault = verdict(proxy, m_daemon, bytes, manner);
        QVERIFY2(fault.isEmpty(), fault.constData());
    }
}

/// Where the proxies refused all of it, nothing would be shown of the daemon.
void TestBehindProxies::eachProxySentMuchOn()
{
    QFETCH(FrontProxy::Kind, kind);
    if (m_proxies.count(kind) == 0)
        QSKIP("the proxy is not installed (Debian packages nginx and haproxy)");
    const auto all = proxy(kind).forwarded();
    const auto sentOn = std::count_if(all.begin(), all.end(), [](const auto &each) {
        return !each.request.endsWith("/key/mine") && !each.request.endsWith("/key/theirs");
    });
    QVERIFY2(sentOn > 100, QByteArray::number(sentOn).constData());
}

void TestBehindProxies::clientsOfAProxyShareItsConnections()
{
    QFETCH(FrontProxy::Kind, kind);
    if (m_proxies.count(kind) == 0)
        QSKIP("the proxy is not installed (Debian packages nginx and haproxy)");
    const auto accepted = [this] {
        const auto metrics = m_cluster->rest(0).get("/metrics").body;
        return test::MetricsChecker(metrics)
            .value("dynakv_http_connections_accepted_total")
            .value_or(-1);
    };
    const double before = accepted();
    for (int i = 0; i < 10; ++i) {
        const QByteArray id = nextId();
        QVERIFY(isAnswerTo(ask(proxy(kind).port(), getRequest("theirs", id)), "theirs", id));
    }
    // One more is the question itself.
    QVERIFY2(accepted() - before <= 2, "what one client leaves behind would reach no other one");
}

void TestBehindProxies::theJudgeSeesASmuggledRequest()
{
    QFETCH(FrontProxy::Kind, kind);
    if (!FrontProxy::isInstalled(kind))
        QSKIP("the proxy is not installed (Debian packages nginx and haproxy)");
    NaiveBackend naive(NaiveBackend::Fault::ExpectsNoBodyOfGet);
    const Backend backend = backendOf(naive);
    QVERIFY(test::putKey(backend.port, "mine"));
    QVERIFY(test::putKey(backend.port, "theirs"));
    FrontProxy proxy(kind, {"127.0.0.1", backend.port});
    QVERIFY2(proxy.start(), proxy.said().constData());
    QCOMPARE(verdict(proxy, backend, getRequest("theirs", nextId()), Manner::Pipelined),
             QByteArray());
    QVERIFY(!verdict(proxy, backend, test::smuggledInAGet(), Manner::Alone).isEmpty());
    QVERIFY(naive.executed().contains("PUT /key/smuggled"));
}

void TestBehindProxies::theJudgeSeesAnAnswerForSomebodyElse()
{
    QFETCH(FrontProxy::Kind, kind);
    if (!FrontProxy::isInstalled(kind))
        QSKIP("the proxy is not installed (Debian packages nginx and haproxy)");
    NaiveBackend naive(NaiveBackend::Fault::ExpectsNoBodyOfGet);
    const Backend backend = backendOf(naive);
    QVERIFY(test::putKey(backend.port, "theirs"));
    FrontProxy proxy(kind, {"127.0.0.1", backend.port});
    QVERIFY2(proxy.start(), proxy.said().constData());
    const QByteArray fault = verdict(proxy, backend, test::smuggledBeginning(20), Manner::Alone);
    QVERIFY2(fault.startsWith("another client did not get"), fault.constData());
    QVERIFY(naive.executed().contains("PUT /key/smuggled"));
}

void TestBehindProxies::theTableHoldsWhatANaiveServerFallsFor()
{
    NaiveBackend naive(NaiveBackend::Fault::TrimsFieldNames);
    QByteArrayList fallenFor;
    for (const auto &each : test::smugglingCases()) {
        const qsizetype before = naive.executed().count("PUT /key/smuggled");
        WireClient client(naive.serverPort());
        const QByteArray mine = nextId();
        client.send(each.bytes + "\r\n" + getRequest("mine", mine));
        client.upTo(mine, 100);
        if (naive.executed().count("PUT /key/smuggled") > before)
            fallenFor += each.name;
    }
    QVERIFY(fallenFor.contains("coding: space before the colon"));
    QVERIFY(fallenFor.contains("length, then chunked"));
    QVERIFY2(fallenFor.size() > 30, fallenFor.join('\n').constData());
}

void TestBehindProxies::nothingButWhatWasAskedForIsThere()
{
    QCOMPARE(m_cluster->rest(0).del("/key/smuggled").status, 200);
    const QByteArray listed = m_cluster->rest(0).get("/v1/keys").body;
    QByteArrayList keys;
    for (const QJsonValue each : QJsonDocument::fromJson(listed)[QLatin1String("keys")].toArray())
        keys += each[QLatin1String("key")].toString().toUtf8();
    keys.removeOne("outer");
    QCOMPARE(keys, (QByteArrayList{"mine", "theirs"}));
}

QTEST_GUILESS_MAIN(TestBehindProxies)
#include "tst_behind_proxies.moc"
