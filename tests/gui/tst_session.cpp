// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/session/key_document.h"
#include "admin-gui/session/recent_addresses.h"
#include "admin-gui/session/session.h"
#include "tests/shared/client/fake_cluster.h"

#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace dynakv::admin;
using namespace dynakv::test;
using State = Session::State;

class SessionTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();

    void itConnectsAndFollowsTheMembers();
    void aFirstAnswerThatFailsEndsTheAttempt();
    void itGoesOnThroughAnotherNode();
    void itComesBackAfterAllNodesWereGone();
    void disconnectingForgetsTheCluster();

    void aKeyIsReadSavedAndRemoved();
    void aSaveLooksAndWritesInOneRequest();
    void whatWasReadLatelyIsNoConflict();
    void whereNobodyJudgesItLooksAndSaves();
    void aSaveThatArrivedUnansweredIsFound();
    void aSaveLeavesTheExpiryAsItWas();
    void aLaterVersionIsAConflict();
    void aDeletedKeyIsAConflict();
    void anOverwriteDoesNotAsk();
    void anOverwriteLeavesTheExpiryAsItIs();
    void aKeyThatIsGoneIsToldApart();
    void aSaveThatFailsKeepsWhatWasRead();
    void answersToTheKeyBeforeAreDropped();

    void recentAddressesAreFewAndTheLastOneFirst();

private:
    void connectToFirst();
    static void read(KeyDocument &document, const QByteArray &key);

    QTemporaryDir m_settings;
    std::unique_ptr<FakeCluster> m_cluster;
    std::unique_ptr<Session> m_session;
};

void SessionTest::initTestCase()
{
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, m_settings.path());
    QCoreApplication::setOrganizationName(QStringLiteral("DynaKV"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_session"));
}

void SessionTest::init()
{
    m_cluster = std::make_unique<FakeCluster>(3);
    m_session = std::make_unique<Session>();
    m_session->setPollIntervalMs(20);
}

void SessionTest::cleanup()
{
    m_session.reset();
    m_cluster.reset();
}

void SessionTest::connectToFirst()
{
    m_session->connectTo(m_cluster->endpoint(0));
    QTRY_COMPARE(m_session->state(), State::Connected);
}

void SessionTest::read(KeyDocument &document, const QByteArray &key)
{
    document.open(key);
    QTRY_COMPARE(document.state(), KeyDocument::State::Ready);
}

void SessionTest::itConnectsAndFollowsTheMembers()
{
    connectToFirst();
    QCOMPARE(m_session->status().members.size(), std::size_t{3});
    m_cluster->setState(2, "suspect");
    QTRY_COMPARE(m_session->status().members[2].state, QByteArray("suspect"));
}

void SessionTest::aFirstAnswerThatFailsEndsTheAttempt()
{
    m_cluster->kill(0);
    QSignalSpy failed(m_session.get(), &Session::connectFailed);
    m_session->connectTo(m_cluster->endpoint(0));
    QCOMPARE(m_session->state(), State::Connecting);
    QTRY_COMPARE(failed.size(), 1);
    QCOMPARE(m_session->state(), State::Idle);
    QVERIFY(failed[0][0].toString().contains(QLatin1String("refused")));
}

void SessionTest::itGoesOnThroughAnotherNode()
{
    connectToFirst();
    QSignalSpy changed(m_session.get(), &Session::nodeChanged);
    QSignalSpy states(m_session.get(), &Session::stateChanged);
    m_cluster->kill(0);
    QTRY_COMPARE(changed.size(), 1);
    QTRY_COMPARE(m_session->status().members[0].state, QByteArray("down"));
    QVERIFY(states.isEmpty());
}

void SessionTest::itComesBackAfterAllNodesWereGone()
{
    connectToFirst();
    for (int i = 0; i < 3; ++i)
        m_cluster->kill(i);
    QTRY_COMPARE(m_session->state(), State::Unreachable);
    QCOMPARE(m_session->status().members.size(), std::size_t{3}); // What was known stays.
    m_cluster->revive(2);
    QTRY_COMPARE(m_session->state(), State::Connected);
    QCOMPARE(m_session->nodeInUse(), m_cluster->endpoint(2));
}

void SessionTest::disconnectingForgetsTheCluster()
{
    connectToFirst();
    m_session->disconnectFromCluster();
    QCOMPARE(m_session->state(), State::Idle);
    QVERIFY(!m_session->client());
    QTest::qWait(50); // What was under way arrives.
    m_cluster->node(0).forgetSeen();
    QTest::qWait(100); // Five turns of the poll that must not happen.
    QVERIFY(m_cluster->node(0).seen().empty());
}

void SessionTest::aKeyIsReadSavedAndRemoved()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    QCOMPARE(document.value().bytes, QByteArray("1"));
    QSignalSpy saved(&document, &KeyDocument::saved);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("2"));
    QCOMPARE(document.value().version, m_cluster->find("k")->version);
    document.save({"3", false, {}, {}}); // Its own write is no conflict.
    QTRY_COMPARE(saved.size(), 2);
    QSignalSpy removed(&document, &KeyDocument::removed);
    document.remove();
    QTRY_COMPARE(removed.size(), 1);
    QVERIFY(!m_cluster->find("k"));
    QVERIFY(!document.isOpen());
}

/// Between two, somebody else could write.
void SessionTest::aSaveLooksAndWritesInOneRequest()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    const QByteArray read = document.value().version;
    m_cluster->node(0).forgetSeen();
    QSignalSpy saved(&document, &KeyDocument::saved);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    std::vector<FakeRequest> ofTheKey;
    for (const FakeRequest &request : m_cluster->node(0).seen())
        if (request.target.startsWith("/key/k"))
            ofTheKey.push_back(request);
    QCOMPARE(ofTheKey.size(), std::size_t{1});
    QCOMPARE(ofTheKey[0].method, QByteArray("PUT"));
    QCOMPARE(ofTheKey[0].headers.value("if-match"), '"' + read + '"');
}

/// Who judges the condition has not got what was read elsewhere.
void SessionTest::whatWasReadLatelyIsNoConflict()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    m_cluster->setVersion("k", QByteArray(16, '0') + '-' + QByteArray(16, '0'));
    QSignalSpy saved(&document, &KeyDocument::saved);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("2"));
}

void SessionTest::whereNobodyJudgesItLooksAndSaves()
{
    m_cluster->putJson("k", "1");
    m_cluster->setHome(FakeCluster::Home::IsGone);
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    QSignalSpy saved(&document, &KeyDocument::saved);
    QSignalSpy conflicts(&document, &KeyDocument::conflictFound);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("2"));
    m_cluster->putJson("k", "\"theirs\"");
    document.save({"3", false, {}, {}});
    QTRY_COMPARE(conflicts.size(), 1);
    QCOMPARE(conflicts[0][0].value<KeyDocument::Conflict>(), KeyDocument::Conflict::Changed);
    m_cluster->remove("k");
    document.save({"3", false, {}, {}});
    QTRY_COMPARE(conflicts.size(), 2);
    QCOMPARE(conflicts[1][0].value<KeyDocument::Conflict>(), KeyDocument::Conflict::Deleted);
    QVERIFY(!m_cluster->find("k"));
}

void SessionTest::aSaveThatArrivedUnansweredIsFound()
{
    m_cluster->putJson("k", "1");
    m_cluster->setHome(FakeCluster::Home::ForgetsToAnswer);
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    QSignalSpy saved(&document, &KeyDocument::saved);
    QSignalSpy conflicts(&document, &KeyDocument::conflictFound);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(document.value().version, m_cluster->find("k")->version);
    QVERIFY(conflicts.isEmpty());
}

void SessionTest::aSaveLeavesTheExpiryAsItWas()
{
    m_cluster->put("k", {"1", false, {}, {}, 3600});
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    const qint64 expiry = document.expiresAtMs();
    QVERIFY(expiry > QDateTime::currentMSecsSinceEpoch());
    QSignalSpy saved(&document, &KeyDocument::saved);
    dynakv::client::Value edited = document.value();
    edited.bytes = "2";
    document.save(edited);
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("2"));
    const qint64 left = m_cluster->find("k")->ttlSeconds;
    QVERIFY2(left > 3500 && left <= 3601, QByteArray::number(left).constData());
    QVERIFY(qAbs(document.expiresAtMs() - expiry) < 60'000);
}

void SessionTest::aLaterVersionIsAConflict()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    m_cluster->putJson("k", "\"theirs\"");
    QSignalSpy conflicts(&document, &KeyDocument::conflictFound);
    document.save({"\"mine\"", false, {}, {}});
    QTRY_COMPARE(conflicts.size(), 1);
    QCOMPARE(conflicts[0][0].value<KeyDocument::Conflict>(), KeyDocument::Conflict::Changed);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("\"theirs\""));
    QCOMPARE(document.state(), KeyDocument::State::Ready);
}

void SessionTest::aDeletedKeyIsAConflict()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    m_cluster->remove("k");
    QSignalSpy conflicts(&document, &KeyDocument::conflictFound);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(conflicts.size(), 1);
    QCOMPARE(conflicts[0][0].value<KeyDocument::Conflict>(), KeyDocument::Conflict::Deleted);
    QVERIFY(!m_cluster->find("k"));
}

void SessionTest::anOverwriteDoesNotAsk()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    m_cluster->putJson("k", "\"theirs\"");
    QSignalSpy saved(&document, &KeyDocument::saved);
    document.overwrite({"\"mine\"", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("\"mine\""));
}

void SessionTest::anOverwriteLeavesTheExpiryAsItIs()
{
    m_cluster->put("k", {"1", false, {}, {}, 3600});
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    m_cluster->putJson("k", "\"theirs, for ever\"");
    QSignalSpy saved(&document, &KeyDocument::saved);
    document.overwrite({"2", false, {}, {}});
    QTRY_COMPARE(saved.size(), 1);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("2"));
    QCOMPARE(m_cluster->find("k")->ttlSeconds, qint64{0});
    QCOMPARE(document.expiresAtMs(), qint64{0});
    m_cluster->put("k", {"1", false, {}, {}, 3600});
    document.overwrite({"3", false, {}, {}});
    QTRY_COMPARE(saved.size(), 2);
    QVERIFY(m_cluster->find("k")->ttlSeconds > 3500);
    m_cluster->remove("k"); // What is created again stays.
    document.overwrite({"4", false, {}, {}});
    QTRY_COMPARE(saved.size(), 3);
    QCOMPARE(m_cluster->find("k")->ttlSeconds, qint64{0});
}

void SessionTest::aKeyThatIsGoneIsToldApart()
{
    connectToFirst();
    KeyDocument document(*m_session);
    QSignalSpy failed(&document, &KeyDocument::loadFailed);
    document.open("absent");
    QTRY_COMPARE(failed.size(), 1);
    QVERIFY(failed[0][1].toBool());
    for (int i = 0; i < 3; ++i)
        m_cluster->kill(i);
    document.reload();
    QTRY_COMPARE(failed.size(), 2);
    QVERIFY(!failed[1][1].toBool());
}

void SessionTest::aSaveThatFailsKeepsWhatWasRead()
{
    m_cluster->putJson("k", "1");
    connectToFirst();
    KeyDocument document(*m_session);
    read(document, "k");
    for (int i = 0; i < 3; ++i)
        m_cluster->kill(i);
    QSignalSpy failed(&document, &KeyDocument::saveFailed);
    document.save({"2", false, {}, {}});
    QTRY_COMPARE(failed.size(), 1);
    QCOMPARE(document.state(), KeyDocument::State::Ready);
    QCOMPARE(document.value().bytes, QByteArray("1"));
}

void SessionTest::answersToTheKeyBeforeAreDropped()
{
    m_cluster->putJson("a", "\"a\"");
    m_cluster->putJson("b", "\"b\"");
    connectToFirst();
    KeyDocument document(*m_session);
    QSignalSpy loaded(&document, &KeyDocument::loaded);
    document.open("a");
    document.open("b");
    QTRY_COMPARE(loaded.size(), 1);
    QCOMPARE(document.value().bytes, QByteArray("\"b\""));
    m_session->pollNow();
    QTest::qWait(50);
    QCOMPARE(loaded.size(), 1);
}

void SessionTest::recentAddressesAreFewAndTheLastOneFirst()
{
    for (int i = 0; i < 20; ++i)
        recent::remember(QStringLiteral("node-%1:6660").arg(i));
    recent::remember(QStringLiteral("node-18:6660"));
    QCOMPARE(recent::addresses().size(), recent::kAddressesMax);
    QCOMPARE(recent::addresses().at(0), QStringLiteral("node-18:6660"));
    QCOMPARE(recent::addresses().at(1), QStringLiteral("node-19:6660"));
    QCOMPARE(recent::addresses().count(QStringLiteral("node-18:6660")), 1);
    recent::forget(QStringLiteral("node-18:6660"));
    QVERIFY(!recent::addresses().contains(QStringLiteral("node-18:6660")));
}

QTEST_GUILESS_MAIN(SessionTest)
#include "tst_session.moc"
