// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/key_model.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/json_editor.h"
#include "tests/gui/window_driver.h"
#include "tests/shared/client/fake_cluster.h"

#include <QApplication>
#include <QFileDialog>
#include <QPushButton>
#include <QTableView>
#include <QTest>

using namespace dynakv::admin;
using namespace dynakv::test;

/// What was typed, and what is on its way: nothing of it is lost or overwritten silently.
class UnsavedTextTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();

    void unsavedTextIsNeverLeftSilently();
    void closingTheWindowAsksForUnsavedText();
    void aValueSavedByAnotherIsNotOverwrittenSilently();
    void whatIsTypedDuringASaveIsSavedToo();
    void whatIsTypedDuringASaveIsNotLeftBehind();
    void aValueChangedElsewhereIsShownByItself();
    void whatIsUndoneDuringASaveIsToBeSaved();
    void aPlanEndsWithACancel();
    void aFileReplacesTheValue();
    void whatIsAskedAboutIsNotReadAnew();
    void aReplacementThatFailedIsTriedAgain();
    void theStoredValueIsSavedToAFile();

private:
    void connected();
    /// The window shows the key `a`, which holds \a json.
    void openWith(const QByteArray &json);
    /// The path of a file that holds \a bytes.
    QString fileWith(const QByteArray &bytes);
    /// Chooses \a path in the file dialog that \a button opens.
    void chooseFile(const char *button, const QString &path);

    QTemporaryDir m_files;
    std::unique_ptr<FakeCluster> m_cluster;
    std::unique_ptr<WindowDriver> m_driver;
};

void UnsavedTextTest::init()
{
    m_cluster = std::make_unique<FakeCluster>(3);
    m_driver = std::make_unique<WindowDriver>();
    m_driver->window().session().setPollIntervalMs(50);
}

void UnsavedTextTest::cleanup()
{
    m_driver.reset();
    m_cluster.reset();
}

void UnsavedTextTest::connected()
{
    QVERIFY(m_driver->connectTo(m_cluster->endpoint(0)));
}

void UnsavedTextTest::openWith(const QByteArray &json)
{
    m_cluster->putJson("a", json);
    connected();
    QVERIFY(m_driver->open("a"));
}

QString UnsavedTextTest::fileWith(const QByteArray &bytes)
{
    const QString path = m_files.filePath(QStringLiteral("value.json"));
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("the file of the test is not written");
    return path;
}

void UnsavedTextTest::chooseFile(const char *button, const QString &path)
{
    m_driver->press(button);
    auto *dialog = qobject_cast<QFileDialog *>(QApplication::activeModalWidget());
    QVERIFY(dialog);
    dialog->selectFile(path);
    QVERIFY(QMetaObject::invokeMethod(dialog, "accept"));
}

void UnsavedTextTest::unsavedTextIsNeverLeftSilently()
{
    for (const char *key : {"a", "b"})
        m_cluster->putJson(key, "1");
    connected();
    QVERIFY(m_driver->waitForKeys(2));
    QVERIFY(m_driver->clickKey("a"));
    QVERIFY(m_driver->waitForValue("1"));
    m_driver->type(QStringLiteral("22"));
    QVERIFY(m_driver->clickKey("b"));
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Save the changes?"));
    QVERIFY(m_driver->answer(2)); // Cancel: everything as it was.
    QCOMPARE(m_driver->editor().json(), QByteArray("22"));
    QCOMPARE(m_driver->keys().currentIndex().data(KeyModel::KeyRole).toByteArray(),
             QByteArray("a"));
    QVERIFY(m_driver->keys().selectionModel()->isRowSelected(0));
    QVERIFY(m_driver->clickKey("b"));
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(0)); // Save, then go.
    QTRY_COMPARE(m_cluster->find("a")->bytes, QByteArray("22"));
    QTRY_COMPARE(m_driver->keys().currentIndex().data(KeyModel::KeyRole).toByteArray(),
                 QByteArray("b"));
    QVERIFY(m_driver->waitForValue("1"));
    m_driver->type(QStringLiteral("33"));
    QVERIFY(m_driver->clickKey("a"));
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(1)); // Discard.
    QVERIFY(m_driver->waitForValue("22"));
    QCOMPARE(m_cluster->find("b")->bytes, QByteArray("1"));
}

void UnsavedTextTest::closingTheWindowAsksForUnsavedText()
{
    openWith("1");
    m_driver->type(QStringLiteral("2"));
    m_driver->window().close();
    QVERIFY(m_driver->window().isVisible());
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Save the changes?"));
    QVERIFY(m_driver->answer(0));
    QTRY_VERIFY(!m_driver->window().isVisible());
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("2"));
}

void UnsavedTextTest::aValueSavedByAnotherIsNotOverwrittenSilently()
{
    openWith("1");
    m_driver->type(QStringLiteral("\"mine\""));
    m_cluster->putJson("a", "\"theirs\"");
    m_driver->shortcut(Qt::Key_S);
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("The key was changed meanwhile"));
    QVERIFY(m_driver->answer(2)); // Keep editing.
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("\"theirs\""));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"mine\""));
    m_driver->shortcut(Qt::Key_S);
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(0)); // Replace with mine.
    QTRY_COMPARE(m_cluster->find("a")->bytes, QByteArray("\"mine\""));
    m_driver->type(QStringLiteral("\"again\""));
    m_cluster->remove("a");
    m_driver->shortcut(Qt::Key_S);
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("The key was deleted meanwhile"));
    QVERIFY(m_driver->answer(2));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"again\""));
}

void UnsavedTextTest::whatIsTypedDuringASaveIsSavedToo()
{
    openWith("1");
    m_driver->type(QStringLiteral("22"));
    m_cluster->node(0).setHolding(true);
    m_driver->shortcut(Qt::Key_S);
    m_driver->type(QStringLiteral("33"));
    m_driver->shortcut(Qt::Key_S);
    m_cluster->node(0).setHolding(false);
    QTRY_COMPARE(m_cluster->find("a")->bytes, QByteArray("33"));
    QTRY_VERIFY(!m_driver->window().isWindowModified());
    QCOMPARE(m_driver->editor().json(), QByteArray("33"));
}

void UnsavedTextTest::whatIsTypedDuringASaveIsNotLeftBehind()
{
    openWith("1");
    m_driver->type(QStringLiteral("22"));
    m_cluster->node(0).setHolding(true);
    m_driver->shortcut(Qt::Key_S);
    m_driver->type(QStringLiteral("33"));
    m_driver->window().close();
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Save the changes?"));
    QVERIFY(m_driver->answer(0));
    m_driver->type(QStringLiteral("44"));
    m_cluster->node(0).setHolding(false);
    QTRY_VERIFY(!m_driver->window().isVisible());
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("44"));
}

void UnsavedTextTest::aValueChangedElsewhereIsShownByItself()
{
    openWith("1");
    m_cluster->putJson("a", "2");
    m_driver->shortcut(Qt::Key_F5, Qt::NoModifier);
    QVERIFY(m_driver->waitForValue("2"));
    m_driver->type(QStringLiteral("\"mine\""));
    m_cluster->putJson("a", "3");
    m_driver->shortcut(Qt::Key_F5, Qt::NoModifier);
    QTRY_VERIFY(m_driver->notice().contains(QLatin1String("meanwhile")));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"mine\""));
}

void UnsavedTextTest::whatIsUndoneDuringASaveIsToBeSaved()
{
    openWith("1");
    m_driver->type(QStringLiteral("22"));
    m_cluster->node(0).setHolding(true);
    m_driver->shortcut(Qt::Key_S);
    while (m_driver->editor().document()->isUndoAvailable())
        m_driver->editor().undo();
    QCOMPARE(m_driver->editor().json(), QByteArray("1"));
    QVERIFY(!m_driver->window().isWindowModified());
    m_cluster->node(0).setHolding(false);
    QTRY_VERIFY(m_driver->window().isWindowModified());
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("22"));
    m_driver->shortcut(Qt::Key_S);
    QTRY_COMPARE(m_cluster->find("a")->bytes, QByteArray("1"));
}

void UnsavedTextTest::aPlanEndsWithACancel()
{
    openWith("1");
    m_driver->type(QStringLiteral("22"));
    m_cluster->node(0).setHolding(true);
    m_driver->window().close();
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(0)); // Save and close.
    m_driver->window().close();
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(2)); // Cancel.
    m_cluster->node(0).setHolding(false);
    QTRY_VERIFY(!m_driver->window().isWindowModified());
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("22"));
    QVERIFY(m_driver->window().isVisible());
}

void UnsavedTextTest::aFileReplacesTheValue()
{
    openWith("1");
    const QString file = fileWith("{\"from\": \"file\"}");
    chooseFile("fromFileButton", file);
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Replace the value?"));
    QVERIFY(m_driver->answer(0));
    QVERIFY(m_driver->waitForValue("{\"from\": \"file\"}"));
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("{\"from\": \"file\"}"));
}

/// The list shows the value of somebody else while a question about ours is open.
void UnsavedTextTest::whatIsAskedAboutIsNotReadAnew()
{
    openWith("1");
    const QString file = fileWith("[\"file\"]");
    const auto somebodySaves = [this](const QByteArray &json) {
        m_cluster->putJson("a", json);
        m_driver->find<QAbstractButton>("refreshButton").click();
        const QAbstractItemModel *keys = m_driver->keys().model();
        QTRY_COMPARE(keys->index(0, 0).data(KeyModel::VersionRole).toByteArray(),
                     m_cluster->find("a")->version);
    };
    chooseFile("fromFileButton", file);
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Replace the value?"));
    somebodySaves("\"theirs\"");
    QVERIFY(m_driver->answer(0));
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("The key was changed meanwhile"));
    somebodySaves("\"theirs again\"");
    QCOMPARE(m_driver->editor().json(), QByteArray("1"));
    QVERIFY(m_driver->answer(0)); // Replace with mine.
    QVERIFY(m_driver->waitForValue("[\"file\"]"));
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("[\"file\"]"));
}

/// The editor holds something else, which must not be sent in its place.
void UnsavedTextTest::aReplacementThatFailedIsTriedAgain()
{
    openWith("1");
    const QString file = fileWith("[\"file\"]");
    m_driver->type(QStringLiteral("\"typed\""));
    for (int i = 0; i < 3; ++i)
        m_cluster->kill(i);
    chooseFile("fromFileButton", file);
    QVERIFY(!m_driver->questionTitle().isEmpty());
    QVERIFY(m_driver->answer(0));
    QTRY_VERIFY(m_driver->notice().contains(QLatin1String("Your text is kept")));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"typed\""));
    m_cluster->revive(0);
    QTRY_VERIFY(m_driver->isConnected());
    m_driver->find<Banner>("valueNotice").findChild<QPushButton *>()->click();
    QCOMPARE(m_driver->questionTitle(), QStringLiteral("Replace the value?"));
    QVERIFY(m_driver->questionText().contains(QLatin1String("unsaved text")));
    QVERIFY(m_driver->answer(0));
    QVERIFY(m_driver->waitForValue("[\"file\"]"));
    QCOMPARE(m_cluster->find("a")->bytes, QByteArray("[\"file\"]"));
}

void UnsavedTextTest::theStoredValueIsSavedToAFile()
{
    openWith("{\"b\":1.0}");
    m_driver->type(QStringLiteral("\"typed\""));
    const QString path = m_files.filePath(QStringLiteral("stored.json"));
    chooseFile("toFileButton", path);
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.readAll(), QByteArray("{\"b\":1.0}"));
    QCOMPARE(m_driver->editor().json(), QByteArray("\"typed\""));
}

int main(int argc, char **argv)
{
    QApplication application(argc, argv);
    UnsavedTextTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_unsaved_text.moc"
