// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/app/theme.h"
#include "admin-gui/models/key_model.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/json_editor.h"
#include "tests/gui/window_driver.h"
#include "tests/shared/client/fake_cluster.h"

#include <QAccessible>
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QElapsedTimer>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTest>

using namespace dynakv::admin;
using namespace dynakv::test;

class MainWindowTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();

    void theFirstPageConnectsAndRemembers();
    void anAddressThatFailsIsExplainedOnTheFirstPage_data();
    void anAddressThatFailsIsExplainedOnTheFirstPage();

    void keysAreFilteredByPrefixAndPaged();
    void theListFollowsTheClusterAndKeepsItsPlace();
    void aValueIsEditedAndSavedByteForByte();
    void invalidJsonIsRefusedWithItsPlace();
    void formatAndMinifyChangeOnlySpace();
    void aKeyIsCreated();
    void aKeyThatExistsIsNotCreatedAgain();
    void aKeyIsDeletedOnlyAfterAQuestionThatNamesIt();
    void bytesAreShownAndLeftAlone();

    void aMegabyteOnOneLineDoesNotFreeze();
    void pastingAMegabyteOnOneLineDoesNotFreeze();

    void membersUpdateAndKeepTheSelection();
    void whenItsNodeDiesAnotherOneIsUsed();
    void whenAllNodesAreGoneTheContentStays();

    void dataIsNeverTakenForMarkup();
    void everyControlHasANameForAccessibility();
    void everyControlIsReachedByTab();
    void bothAppearancesArePainted();

private:
    void connected();

    std::unique_ptr<FakeCluster> m_cluster;
    std::unique_ptr<WindowDriver> m_driver;
};

void MainWindowTest::init()
{
    m_cluster = std::make_unique<FakeCluster>(3);
    m_driver = std::make_unique<WindowDriver>();
    m_driver->window().session().setPollIntervalMs(50);
}

void MainWindowTest::cleanup()
{
    m_driver.reset();
    m_cluster.reset();
}

void MainWindowTest::connected()
{
    QVERIFY(m_driver->connectTo(m_cluster->endpoint(0)));
}

void MainWindowTest::theFirstPageConnectsAndRemembers()
{
    QVERIFY(m_driver->find<QLineEdit>("connectAddress").isVisible());
    connected();
    QVERIFY(!m_driver->find<QLineEdit>("connectAddress").isVisible());
    const QString address = QString::fromUtf8(m_cluster->endpoint(0).toString());
    QVERIFY(m_driver->window().windowTitle().contains(address));
    QVERIFY(m_driver->find<QLabel>("statusNode").text().contains(address));
    const auto actions = m_driver->window().findChildren<QAction *>();
    for (QAction *action : actions)
        if (action->text() == QLatin1String("&Disconnect"))
            action->trigger();
    QTRY_VERIFY(m_driver->find<QLineEdit>("connectAddress").isVisible());
    QCOMPARE(m_driver->find<QPushButton>("recentAddress").text(), address);
    m_driver->press("recentAddress");
    // The filter, since the list of an empty cluster gives way to a word about it.
    QTRY_VERIFY(m_driver->isConnected() && m_driver->find<QLineEdit>("keyFilter").isVisible());
}

void MainWindowTest::anAddressThatFailsIsExplainedOnTheFirstPage_data()
{
    QTest::addColumn<QString>("address");
    QTest::addColumn<QString>("words");
    QTest::newRow("no address") << QStringLiteral("a b") << QStringLiteral("is not an address");
    QTest::newRow("nobody there") << QStringLiteral("127.0.0.1:1") << QStringLiteral("refused");
}

void MainWindowTest::anAddressThatFailsIsExplainedOnTheFirstPage()
{
    QFETCH(QString, address);
    QFETCH(QString, words);
    auto &field = m_driver->find<QLineEdit>("connectAddress");
    field.setText(address);
    m_driver->press("connectButton");
    auto &message = m_driver->find<QLabel>("connectMessage");
    QTRY_VERIFY(message.text().contains(words));
    QVERIFY(field.isEnabled());
    QCOMPARE(field.text(), address);
    QVERIFY(m_driver->connectTo(m_cluster->endpoint(0)));
}

void MainWindowTest::keysAreFilteredByPrefixAndPaged()
{
    for (int i = 0; i < KeyModel::kPageRows * 2 + 7; ++i)
        m_cluster->putJson("user:" + QByteArray::number(i).rightJustified(5, '0'), "1");
    for (int i = 0; i < 3; ++i)
        m_cluster->putJson("cart:" + QByteArray::number(i), "1");
    connected();
    QVERIFY(m_driver->waitForKeys(KeyModel::kPageRows)); // Not all of them.
    QTRY_VERIFY(m_driver->find<QLabel>("keyFooter").text().contains(QLatin1String("of about")));
    QVERIFY(m_driver->scrollUntil(KeyModel::kPageRows + 1));
    QCOMPARE(m_driver->keys().model()->rowCount(), KeyModel::kPageRows * 2);
    QVERIFY(m_driver->scrollUntil(KeyModel::kPageRows * 2 + 10));
    m_driver->filter(QStringLiteral("cart:"));
    QVERIFY(m_driver->waitForKeys(3));
    QTRY_COMPARE(m_driver->find<QLabel>("keyFooter").text(), QStringLiteral("3 keys"));
    m_driver->filter(QStringLiteral("nobody"));
    QVERIFY(m_driver->waitForKeys(0));
    QTRY_VERIFY(!m_driver->keys().isVisible()); // A text explains the empty list.
    // Typing alone is enough; the list is asked once, not for each letter.
    const int before = m_cluster->listings();
    auto &field = m_driver->find<QLineEdit>("keyFilter");
    field.clear();
    QTest::keyClicks(&field, QStringLiteral("cart:1"));
    QVERIFY(m_driver->waitForKeys(1));
    QVERIFY(m_cluster->listings() <= before + 2);
}

void MainWindowTest::theListFollowsTheClusterAndKeepsItsPlace()
{
    for (int i = 0; i < 200; ++i)
        m_cluster->putJson("k:" + QByteArray::number(i).rightJustified(5, '0'),
                           QByteArray::number(i));
    connected();
    QVERIFY(m_driver->waitForKeys(200));
    QVERIFY(m_driver->clickKey("k:00100"));
    QVERIFY(m_driver->waitForValue("100"));
    auto &table = m_driver->keys();
    const QByteArray top = table.indexAt({1, 1}).data(KeyModel::KeyRole).toByteArray();
    m_cluster->putJson("k:zzz", "1");
    m_driver->shortcut(Qt::Key_F5, Qt::NoModifier);
    QVERIFY(m_driver->waitForKeys(201));
    QCOMPARE(table.indexAt({1, 1}).data(KeyModel::KeyRole).toByteArray(), top);
    QCOMPARE(table.currentIndex().data(KeyModel::KeyRole).toByteArray(), QByteArray("k:00100"));
    // Another client deletes the open key: the text stays, and no neighbour is opened instead.
    m_cluster->remove("k:00100");
    m_driver->shortcut(Qt::Key_F5, Qt::NoModifier);
    QVERIFY(m_driver->waitForKeys(200));
    QCOMPARE(m_driver->editor().json(), QByteArray("100"));
    QVERIFY(!table.selectionModel()->hasSelection());
}

void MainWindowTest::aValueIsEditedAndSavedByteForByte()
{
    m_cluster->putJson("k", "{\"b\": 12345678901234567890, \"a\": 1.0}");
    connected();
    QVERIFY(m_driver->open("k"));
    QCOMPARE(m_driver->editor().json(), QByteArray("{\"b\": 12345678901234567890, \"a\": 1.0}"));
    QVERIFY(!m_driver->find<QPushButton>("saveButton").isEnabled());
    m_driver->type(QStringLiteral("{\"z\":1e400,\"y\":[0.10,\"grün\"]}"));
    QTRY_VERIFY(m_driver->find<QPushButton>("saveButton").isEnabled());
    m_driver->shortcut(Qt::Key_S);
    QTRY_COMPARE(m_cluster->find("k")->bytes,
                 QByteArray("{\"z\":1e400,\"y\":[0.10,\"gr\xC3\xBCn\"]}"));
    QTRY_VERIFY(!m_driver->window().isWindowModified());
}

void MainWindowTest::invalidJsonIsRefusedWithItsPlace()
{
    m_cluster->putJson("k", "1");
    connected();
    QVERIFY(m_driver->open("k"));
    m_driver->type(QStringLiteral("{\"a\":1,}"));
    QTRY_VERIFY(m_driver->check().startsWith(QLatin1String("Line 1, column 8:")));
    QVERIFY(!m_driver->find<QPushButton>("saveButton").isEnabled());
    m_driver->shortcut(Qt::Key_S);
    QTest::qWait(100);
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("1"));
    QCOMPARE(m_driver->editor().json(), QByteArray("{\"a\":1,}"));
    QCOMPARE(m_driver->editor().textCursor().positionInBlock(), 7);
}

void MainWindowTest::formatAndMinifyChangeOnlySpace()
{
    m_cluster->putJson("k", "{\"b\":1.0,\"a\":[]}");
    connected();
    QVERIFY(m_driver->open("k"));
    m_driver->press("formatButton");
    QCOMPARE(m_driver->editor().json(), QByteArray("{\n  \"b\": 1.0,\n  \"a\": []\n}"));
    m_driver->press("minifyButton");
    QCOMPARE(m_driver->editor().json(), QByteArray("{\"b\":1.0,\"a\":[]}"));
    m_driver->editor().undo();
    QCOMPARE(m_driver->editor().json(), QByteArray("{\n  \"b\": 1.0,\n  \"a\": []\n}"));
}

void MainWindowTest::aKeyIsCreated()
{
    connected();
    m_driver->shortcut(Qt::Key_N);
    QTRY_VERIFY(QApplication::activeModalWidget());
    QTest::keyClicks(&m_driver->find<QLineEdit>("newKeyName"), QStringLiteral("user:1"));
    auto &value = m_driver->find<JsonEditor>("newKeyValue");
    value.selectAll();
    QTest::keyClicks(&value, QStringLiteral("{\"a\":"));
    m_driver->press("newKeyCreate");
    QVERIFY(m_driver->find<QLabel>("newKeyMessage").text().contains(QLatin1String("Line 1")));
    QVERIFY(!m_cluster->find("user:1"));
    QTest::keyClicks(&value, QStringLiteral("1}"));
    m_driver->press("newKeyCreate");
    QTRY_VERIFY(m_cluster->find("user:1"));
    QCOMPARE(m_cluster->find("user:1")->bytes, QByteArray("{\"a\":1}"));
    QTRY_VERIFY(!QApplication::activeModalWidget());
    QVERIFY(m_driver->waitForValue("{\"a\":1}")); // It is open, and stands in the list.
    QVERIFY(m_driver->waitForKeys(1));
    QTRY_COMPARE(m_driver->keys().currentIndex().data(KeyModel::KeyRole).toByteArray(),
                 QByteArray("user:1"));
}

void MainWindowTest::aKeyThatExistsIsNotCreatedAgain()
{
    m_cluster->putJson("user:1", "\"old\"");
    connected();
    m_driver->shortcut(Qt::Key_N);
    QTRY_VERIFY(QApplication::activeModalWidget());
    QTest::keyClicks(&m_driver->find<QLineEdit>("newKeyName"), QStringLiteral("user:1"));
    auto &value = m_driver->find<JsonEditor>("newKeyValue");
    value.selectAll();
    QTest::keyClicks(&value, QStringLiteral("\"new\""));
    m_driver->press("newKeyCreate");
    QTRY_VERIFY(
        m_driver->find<QLabel>("newKeyMessage").text().contains(QLatin1String("exists already")));
    QCOMPARE(m_cluster->find("user:1")->bytes, QByteArray("\"old\""));
    QCOMPARE(value.json(), QByteArray("\"new\""));
    m_driver->press("newKeyCancel"); // What was typed is not given up without a question.
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Discard the new key?"));
    QVERIFY(m_driver->answer(0));
    QTRY_VERIFY(!QApplication::activeModalWidget());
}

void MainWindowTest::aKeyIsDeletedOnlyAfterAQuestionThatNamesIt()
{
    m_cluster->putJson("user:1", "1");
    m_cluster->putJson("user:2", "2");
    connected();
    QVERIFY(m_driver->open("user:1"));
    m_driver->press("deleteButton");
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Delete this key?"));
    QVERIFY(m_driver->questionText().contains(QLatin1String("user:1")));
    QTest::keyClick(QApplication::activeModalWidget(), Qt::Key_Return); // By accident.
    QTRY_VERIFY(!QApplication::activeModalWidget());
    QVERIFY(m_cluster->find("user:1"));
    QTest::keyClick(&m_driver->keys(), Qt::Key_Delete);
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(0));
    QTRY_VERIFY(!m_cluster->find("user:1"));
    QVERIFY(m_cluster->find("user:2"));
    QVERIFY(m_driver->waitForKeys(0)); // The filter still names it.
    QTRY_VERIFY(!m_driver->editor().isVisible());
}

void MainWindowTest::bytesAreShownAndLeftAlone()
{
    const QByteArray key("bin\xFF\0k", 6);
    m_cluster->put(key, {QByteArray("\0\1\2\xFF", 4), true, "image/png", {}});
    connected();
    QVERIFY(m_driver->open(key));
    QVERIFY(m_driver->editor().toPlainText().contains(QLatin1String("00 01 02 ff")));
    QVERIFY(m_driver->editor().isReadOnly());
    QTest::keyClicks(&m_driver->editor(), QStringLiteral("x"));
    QVERIFY(!m_driver->find<QPushButton>("saveButton").isEnabled());
    m_driver->press("deleteButton");
    QVERIFY(m_driver->questionTitle().size() > 0);
    QVERIFY(m_driver->questionText().contains(QLatin1String("bin\\xff\\x00k")));
    QVERIFY(m_driver->answer(0));
    QTRY_VERIFY(!m_cluster->find(key));
}

void MainWindowTest::aMegabyteOnOneLineDoesNotFreeze()
{
    m_cluster->putJson("text", '"' + QByteArray(1 << 20, 'x') + '"');
    m_cluster->putJson("list", "[" + QByteArray("1,").repeated(500'000) + "1]");
    connected();
    for (const char *key : {"text", "list"}) {
        QElapsedTimer timer;
        timer.start();
        QVERIFY(m_driver->open(key));
        QCoreApplication::processEvents();
        QVERIFY(!m_driver->window().grab().isNull());
        QVERIFY2(timer.elapsed() < 10'000, "a default text widget needs about a minute");
        QVERIFY(m_driver->notice().contains(QLatin1String("read only")));
        QVERIFY(m_driver->editor().isReadOnly());
    }
}

void MainWindowTest::pastingAMegabyteOnOneLineDoesNotFreeze()
{
    m_cluster->putJson("k", "1");
    connected();
    QVERIFY(m_driver->open("k"));
    const QByteArray list = "[" + QByteArray("1,").repeated(400'000) + "1]";
    QGuiApplication::clipboard()->setText(QString::fromLatin1(list));
    QElapsedTimer timer;
    timer.start();
    m_driver->editor().selectAll();
    m_driver->editor().paste();
    QVERIFY(!m_driver->window().grab().isNull());
    QVERIFY(timer.elapsed() < 15'000);
    QVERIFY(m_driver->editor().blockCount() > 400'000);
}

void MainWindowTest::membersUpdateAndKeepTheSelection()
{
    connected();
    m_driver->shortcut(Qt::Key_2);
    auto &table = m_driver->find<QTableView>("memberTable");
    QTRY_VERIFY(table.isVisible());
    QTRY_COMPARE(table.model()->rowCount(), 3);
    table.selectRow(1);
    const QString selected = table.currentIndex().siblingAtColumn(1).data().toString();
    m_cluster->kill(2);
    QTRY_COMPARE(m_driver->memberState(m_cluster->endpoint(2)), QByteArray("down"));
    m_cluster->setState(1, "suspect");
    QTRY_COMPARE(m_driver->memberState(m_cluster->endpoint(1)), QByteArray("suspect"));
    QCOMPARE(table.currentIndex().siblingAtColumn(1).data().toString(), selected);
    QVERIFY(table.selectionModel()->hasSelection());
    m_cluster->revive(2);
    QTRY_COMPARE(m_driver->memberState(m_cluster->endpoint(2)), QByteArray("alive"));
}

void MainWindowTest::whenItsNodeDiesAnotherOneIsUsed()
{
    m_cluster->putJson("a", "1");
    connected();
    QVERIFY(m_driver->open("a"));
    m_driver->type(QStringLiteral("\"unsaved\""));
    m_cluster->kill(0);
    QTRY_VERIFY(m_driver->banner().contains(QLatin1String("not reachable")));
    QVERIFY(m_driver->banner().contains(QString::fromUtf8(m_cluster->endpoint(0).toString())));
    const QString now = QString::fromUtf8(m_driver->window().session().nodeInUse().toString());
    QVERIFY(m_driver->banner().contains(QStringLiteral("Using ") + now));
    QTRY_VERIFY(m_driver->find<QLabel>("statusNode").text().contains(now));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"unsaved\""));
    QVERIFY(m_driver->window().isWindowModified());
    m_driver->shortcut(Qt::Key_S);
    QTRY_COMPARE(m_cluster->find("a")->bytes, QByteArray("\"unsaved\""));
}

void MainWindowTest::whenAllNodesAreGoneTheContentStays()
{
    m_cluster->putJson("a", "1");
    connected();
    QVERIFY(m_driver->open("a"));
    m_driver->type(QStringLiteral("\"unsaved\""));
    for (int i = 0; i < 3; ++i)
        m_cluster->kill(i);
    QTRY_VERIFY(m_driver->banner().contains(QLatin1String("No node of the cluster answers")));
    QCOMPARE(m_driver->find<Banner>("banner").tone(), Tone::Bad);
    m_driver->shortcut(Qt::Key_S);
    QTRY_VERIFY(m_driver->notice().contains(QLatin1String("Your text is kept")));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"unsaved\""));
    QCOMPARE(m_driver->keys().model()->rowCount(), 1);
    m_cluster->revive(1);
    QTRY_VERIFY(m_driver->banner().contains(QLatin1String("Connected again")) ||
                m_driver->banner().contains(QLatin1String("Using")));
    m_driver->shortcut(Qt::Key_S);
    QTRY_COMPARE(m_cluster->find("a")->bytes, QByteArray("\"unsaved\""));
}

void MainWindowTest::dataIsNeverTakenForMarkup()
{
    const QByteArray key = "<b>bold</b><img src=x>";
    m_cluster->putJson(key, "1");
    connected();
    QVERIFY(m_driver->open(key));
    m_driver->press("deleteButton");
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->questionText().contains(QString::fromLatin1(key)));
    const auto labels = QApplication::activeModalWidget()->findChildren<QLabel *>();
    for (const QLabel *label : labels)
        QVERIFY(label->text().isEmpty() || label->textFormat() == Qt::PlainText);
    QVERIFY(m_driver->answer(1));
    for (const char *name : {"valueKey", "valueFacts", "valueCheck", "keyFooter", "bannerText",
                             "statusNode", "connectMessage", "clusterName"})
        QCOMPARE(m_driver->find<QLabel>(name).textFormat(), Qt::PlainText);
}

void MainWindowTest::everyControlHasANameForAccessibility()
{
    QAccessible::setActive(true);
    m_cluster->putJson("a", "1");
    connected();
    QVERIFY(m_driver->open("a"));
    const auto widgets = m_driver->window().findChildren<QWidget *>();
    QStringList nameless;
    for (QWidget *widget : widgets) {
        if (!(widget->focusPolicy() & Qt::TabFocus) || !widget->isVisible())
            continue;
        QAccessibleInterface *accessible = QAccessible::queryAccessibleInterface(widget);
        if (!accessible || accessible->text(QAccessible::Name).isEmpty())
            nameless.append(widget->objectName() + QLatin1Char('/') +
                            QLatin1String(widget->metaObject()->className()));
    }
    QCOMPARE(nameless, QStringList());
}

void MainWindowTest::everyControlIsReachedByTab()
{
    m_cluster->putJson("a", "1");
    connected();
    QVERIFY(m_driver->open("a"));
    m_driver->type(QStringLiteral("2"));
    QTRY_VERIFY(m_driver->find<QPushButton>("saveButton").isEnabled());
    m_driver->find<QLineEdit>("keyFilter").setFocus();
    QStringList reached;
    for (int i = 0; i < 40; ++i) {
        reached.append(QApplication::focusWidget()->objectName());
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
    }
    for (const char *name :
         {"keyFilter", "newKeyButton", "keyTable", "formatButton", "deleteButton", "valueEditor",
          "discardButton", "saveButton", "page0", "nodeButton", "refreshButton"})
        QVERIFY2(reached.contains(QLatin1String(name)), name);
}

void MainWindowTest::bothAppearancesArePainted()
{
    m_cluster->putJson("a", "{\"name\": 1}");
    connected();
    QVERIFY(m_driver->open("a"));
    Theme theme(*qApp);
    for (const auto choice : {Theme::Choice::Dark, Theme::Choice::Light}) {
        theme.apply(choice);
        QCoreApplication::processEvents();
        const QImage image = m_driver->window().grab().toImage();
        const bool isDark =
            image.pixelColor(image.width() / 2, image.height() - 120).lightness() < 128;
        QCOMPARE(isDark, choice == Theme::Choice::Dark);
    }
}

int main(int argc, char **argv)
{
    QApplication application(argc, argv);
    MainWindowTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_main_window.moc"
