// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/key_model.h"
#include "admin-gui/widgets/json_editor.h"
#include "admin-gui/widgets/text_label.h"
#include "tests/gui/window_driver.h"
#include "tests/support/cluster_fixture.h"

#include <QApplication>
#include <QDateTime>
#include <QJsonObject>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTest>

using namespace dynakv::admin;
using namespace dynakv::test;

namespace {

constexpr int kWaitMs = 30'000;

} // namespace

/// The real main window against real daemons.
class AdminDaemonsTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();

    void keysAreCreatedEditedAndDeleted();
    void aValueSavedByAnotherIsNotOverwrittenSilently();
    void anEditLeavesTheExpiryAsItWas();
    void keysArePagedAndFiltered();
    void membersFollowANodeThatDiesAndReturns();
    void theDeathOfItsNodeLosesNothing();
    void aNodeThatHangsIsLeft();

private:
    void write(int node, const QByteArray &key, const QByteArray &json);

    std::unique_ptr<Cluster> m_cluster;
    std::unique_ptr<WindowDriver> m_driver;
};

void AdminDaemonsTest::init()
{
    m_cluster = std::make_unique<Cluster>(3);
    QVERIFY(m_cluster->start());
    m_driver = std::make_unique<WindowDriver>();
}

void AdminDaemonsTest::cleanup()
{
    m_driver.reset();
    m_cluster.reset();
}

void AdminDaemonsTest::write(int node, const QByteArray &key, const QByteArray &json)
{
    QVERIFY(m_cluster->rest(node).putValue(key, json));
}

void AdminDaemonsTest::keysAreCreatedEditedAndDeleted()
{
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    m_driver->shortcut(Qt::Key_N);
    QTRY_VERIFY(QApplication::activeModalWidget());
    QTest::keyClicks(&m_driver->find<QLineEdit>("newKeyName"), QStringLiteral("user:1"));
    auto &value = m_driver->find<JsonEditor>("newKeyValue");
    value.selectAll();
    QTest::keyClicks(&value, QStringLiteral("{\"b\":12345678901234567890,\"a\":1.0}"));
    m_driver->press("newKeyCreate");
    QVERIFY(m_cluster->waitForValue("user:1", R"({"b":12345678901234567890,"a":1.0})"));
    QTRY_VERIFY(!QApplication::activeModalWidget());
    QVERIFY(m_driver->waitForValue(R"({"b":12345678901234567890,"a":1.0})"));

    m_driver->type(QStringLiteral("{\"a\":oops}"));
    QTRY_VERIFY(m_driver->check().startsWith(QLatin1String("Line 1, column 6:")));
    QVERIFY(!m_driver->find<QPushButton>("saveButton").isEnabled());
    m_driver->shortcut(Qt::Key_S);
    QCOMPARE(m_cluster->rest(0).value("user:1"),
             QByteArray(R"({"b":12345678901234567890,"a":1.0})"));

    m_driver->type(QStringLiteral("[1e2, \"edited\"]"));
    m_driver->shortcut(Qt::Key_S);
    QVERIFY(m_cluster->waitForValue("user:1", "[1e2, \"edited\"]"));
    QTRY_VERIFY(!m_driver->window().isWindowModified());

    m_driver->press("deleteButton");
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->questionText().contains(QLatin1String("user:1")));
    QVERIFY(m_driver->answer(1));
    QCOMPARE(m_cluster->rest(0).value("user:1"), QByteArray("[1e2, \"edited\"]"));
    m_driver->press("deleteButton");
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(0));
    QVERIFY(m_cluster->waitForValue("user:1", {}));
    QVERIFY(m_driver->waitForKeys(0));
}

void AdminDaemonsTest::aValueSavedByAnotherIsNotOverwrittenSilently()
{
    write(0, "a", "1");
    QVERIFY(m_cluster->waitForValue("a", "1"));
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    QVERIFY(m_driver->open("a"));
    m_driver->type(QStringLiteral("\"mine\""));
    write(1, "a", "\"theirs\"");
    QVERIFY(m_cluster->waitForValue("a", "\"theirs\""));
    m_driver->shortcut(Qt::Key_S);
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("The key was changed meanwhile"));
    QCOMPARE(m_cluster->rest(0).value("a"), QByteArray("\"theirs\""));
    QVERIFY(m_driver->answer(0)); // Replace with mine.
    QVERIFY(m_cluster->waitForValue("a", "\"mine\""));
    QTRY_VERIFY(!m_driver->window().isWindowModified());
    m_driver->type(QStringLiteral("\"again\""));
    m_driver->shortcut(Qt::Key_S); // Its own write is no conflict.
    QVERIFY(m_cluster->waitForValue("a", "\"again\""));
    QTRY_VERIFY(!m_driver->window().isWindowModified());
    QCOMPARE(m_cluster->rest(0).del("/key/a").status, 200);
    m_driver->type(QStringLiteral("\"once more\""));
    QVERIFY(m_cluster->waitForValue("a", {}));
    m_driver->shortcut(Qt::Key_S);
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("The key was deleted meanwhile"));
    QVERIFY(m_driver->answer(2));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"once more\""));
}

void AdminDaemonsTest::anEditLeavesTheExpiryAsItWas()
{
    const auto expiry = [this] {
        const QJsonObject view = m_cluster->rest(0).get("/key/a?meta=true").object();
        return QDateTime::fromString(view.value(QLatin1String("expires_at")).toString(),
                                     Qt::ISODateWithMs);
    };
    QCOMPARE(m_cluster->rest(0).put("/key/a?ttl=7200", R"({"value":1})").status, 200);
    const QDateTime before = expiry();
    QVERIFY(before.isValid());
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    QVERIFY(m_driver->open("a"));
    QVERIFY(m_driver->find<TextLabel>("valueFacts").fullText().contains(QLatin1String("expires")));
    m_driver->type(QStringLiteral("2"));
    m_driver->shortcut(Qt::Key_S);
    QVERIFY(m_cluster->waitForValue("a", "2"));
    const QDateTime after = expiry();
    QVERIFY(after.isValid());
    QVERIFY2(qAbs(before.msecsTo(after)) < 60'000, qPrintable(after.toString()));
}

void AdminDaemonsTest::keysArePagedAndFiltered()
{
    // Pipelined in tens: each write waits for the disk.
    for (int i = 0; i < KeyModel::kPageRows + 50; i += 10) {
        std::vector<Exchange> writes;
        for (int j = i; j < i + 10; ++j)
            writes.push_back(m_cluster->rest(0).begin(
                "PUT", "/key/user:" + QByteArray::number(j).rightJustified(5, '0'),
                R"({"value":1})"));
        for (Exchange &exchange : writes)
            QCOMPARE(exchange.finish().status, 200);
    }
    write(0, "cart:1", "1");
    write(0, "cart:2", "2");
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    QVERIFY(m_driver->waitForKeys(KeyModel::kPageRows));
    QVERIFY(m_driver->scrollUntil(KeyModel::kPageRows + 52));
    m_driver->filter(QStringLiteral("cart:"));
    QVERIFY(m_driver->waitForKeys(2));
    QVERIFY(m_driver->clickKey("cart:2"));
    QVERIFY(m_driver->waitForValue("2"));
    write(1, "cart:3", "3"); // Another client, on another node: it appears by itself.
    QTRY_COMPARE_WITH_TIMEOUT(m_driver->keys().model()->rowCount(), 3, kWaitMs);
    QCOMPARE(m_driver->keys().currentIndex().data(KeyModel::KeyRole).toByteArray(),
             QByteArray("cart:2"));
}

void AdminDaemonsTest::membersFollowANodeThatDiesAndReturns()
{
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    m_driver->shortcut(Qt::Key_2);
    auto &table = m_driver->find<QTableView>("memberTable");
    QTRY_COMPARE(table.model()->rowCount(), 3);
    const auto address = m_cluster->node(2).address();
    QTRY_COMPARE(m_driver->memberState(address), QByteArray("alive"));
    m_cluster->node(2).killHard();
    QTRY_COMPARE_WITH_TIMEOUT(m_driver->memberState(address), QByteArray("down"), kWaitMs);
    QVERIFY(m_driver->banner().isEmpty()); // Its own node is well.
    QVERIFY(m_cluster->node(2).restart());
    QTRY_COMPARE_WITH_TIMEOUT(m_driver->memberState(address), QByteArray("alive"), kWaitMs);
}

void AdminDaemonsTest::theDeathOfItsNodeLosesNothing()
{
    write(0, "a", "1");
    QVERIFY(m_cluster->waitForValue("a", "1"));
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    QVERIFY(m_driver->open("a"));
    m_driver->type(QStringLiteral("{\"unsaved\": true}"));
    QTRY_COMPARE(m_driver->memberState(m_cluster->node(1).address()), QByteArray("alive"));
    m_cluster->node(0).killHard();
    QTRY_VERIFY_WITH_TIMEOUT(m_driver->banner().contains(QLatin1String("not reachable")), kWaitMs);
    const auto now = m_driver->window().session().nodeInUse();
    QVERIFY(now != m_cluster->node(0).address());
    QVERIFY(m_driver->banner().contains(QString::fromUtf8(now.toString())));
    QCOMPARE(m_driver->editor().json(), QByteArray("{\"unsaved\": true}"));
    QVERIFY(m_driver->window().isWindowModified());
    m_driver->shortcut(Qt::Key_S);
    QVERIFY(m_cluster->waitForValue("a", "{\"unsaved\": true}"));
    QTRY_VERIFY_WITH_TIMEOUT(!m_driver->window().isWindowModified(), kWaitMs);

    m_driver->type(QStringLiteral("\"kept\""));
    m_cluster->node(1).killHard();
    m_cluster->node(2).killHard();
    QTRY_VERIFY_WITH_TIMEOUT(
        m_driver->banner().contains(QLatin1String("No node of the cluster answers")), kWaitMs);
    QCOMPARE(m_driver->editor().json(), QByteArray("\"kept\""));
    for (int i = 0; i < 3; ++i)
        QVERIFY(m_cluster->node(i).restart());
    QTRY_VERIFY_WITH_TIMEOUT(m_driver->isConnected(), kWaitMs);
    QVERIFY(m_cluster->waitForValue("a", "{\"unsaved\": true}"));
    m_driver->shortcut(Qt::Key_S);
    QVERIFY(m_cluster->waitForValue("a", "\"kept\""));
}

void AdminDaemonsTest::aNodeThatHangsIsLeft()
{
    write(0, "a", "1");
    QVERIFY(m_cluster->waitForValue("a", "1"));
    QVERIFY(m_driver->connectTo(m_cluster->node(0).address()));
    QVERIFY(m_driver->open("a"));
    QTRY_COMPARE(m_driver->memberState(m_cluster->node(1).address()), QByteArray("alive"));
    m_cluster->node(0).pause();
    QTRY_VERIFY_WITH_TIMEOUT(m_driver->banner().contains(QLatin1String("did not answer in time")),
                             kWaitMs);
    m_driver->type(QStringLiteral("2"));
    m_driver->shortcut(Qt::Key_S);
    QTRY_COMPARE_WITH_TIMEOUT(m_cluster->rest(1).value("a"), QByteArray("2"), kWaitMs);
    m_cluster->node(0).resume();
    QVERIFY(m_cluster->waitForValue("a", "2"));
}

int main(int argc, char **argv)
{
    QApplication application(argc, argv);
    AdminDaemonsTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_admin_daemons.moc"
