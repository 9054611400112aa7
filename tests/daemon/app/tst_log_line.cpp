// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/log_line.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using app::LogEntry;
using app::LogFormat;
using app::LogLevel;

class TestLogLine : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aLineHasTimeLevelAndCategory();
    void theJournalGetsThePriority_data();
    void theJournalGetsThePriority();
    void whatCouldForgeALineIsEscaped_data();
    void whatCouldForgeALineIsEscaped();
    void jsonLinesAreJson();
    void aRequestsIdStandsInItsLines();
    void longTextIsCut();
};

void TestLogLine::aLineHasTimeLevelAndCategory()
{
    const LogEntry entry{1700000000123, LogLevel::Info, "dynakv.app", QStringLiteral("grüß")};
    QCOMPARE(app::formatLogLine(entry, LogFormat::Text, false),
             QByteArray("2023-11-14T22:13:20.123Z info    dynakv.app: gr\xc3\xbc\xc3\x9f\n"));
}

void TestLogLine::theJournalGetsThePriority_data()
{
    QTest::addColumn<int>("level");
    QTest::addColumn<QByteArray>("start");
    QTest::newRow("debug") << static_cast<int>(LogLevel::Debug) << QByteArray("<7>2");
    QTest::newRow("info") << static_cast<int>(LogLevel::Info) << QByteArray("<6>2");
    QTest::newRow("warning") << static_cast<int>(LogLevel::Warning) << QByteArray("<4>2");
    QTest::newRow("error") << static_cast<int>(LogLevel::Error) << QByteArray("<3>2");
}

void TestLogLine::theJournalGetsThePriority()
{
    QFETCH(const int, level);
    QFETCH(const QByteArray, start);
    const LogEntry entry{1700000000123, static_cast<LogLevel>(level), "a", QStringLiteral("b")};
    const QByteArray line = app::formatLogLine(entry, LogFormat::Text, true);
    QVERIFY2(line.startsWith(start), line.constData());
}

void TestLogLine::whatCouldForgeALineIsEscaped_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QByteArray>("escaped");
    QTest::newRow("line end") << QStringLiteral("a\nb\r") << QByteArray("a\\u000ab\\u000d");
    QTest::newRow("terminal") << QStringLiteral("\u001b[2J") << QByteArray("\\u001b[2J");
    QTest::newRow("C1") << QStringLiteral("\u009b2J") << QByteArray("\\u009b2J");
    QTest::newRow("delete") << QStringLiteral("a\u007f") << QByteArray("a\\u007f");
    QTest::newRow("bidi") << QStringLiteral("a\u202eb\u2066") << QByteArray("a\\u202eb\\u2066");
    QTest::newRow("separator") << QStringLiteral("a\u2028b") << QByteArray("a\\u2028b");
    QTest::newRow("lone surrogate")
        << QString(QChar(0xd800)) + QLatin1Char('x') << QByteArray("\\ud800x");
    QTest::newRow("pair") << QStringLiteral("\U0001f600") << QByteArray("\xf0\x9f\x98\x80");
    QTest::newRow("null") << QString(QChar(u'\0')) << QByteArray("\\u0000");
}

void TestLogLine::whatCouldForgeALineIsEscaped()
{
    QFETCH(const QString, text);
    QFETCH(const QByteArray, escaped);
    QCOMPARE(app::escapedForLog(text), escaped);
}

void TestLogLine::jsonLinesAreJson()
{
    const QString text =
        QStringLiteral("say \"a\\b\"\n\u202e\u0001") + QString(5000, QLatin1Char('\\'));
    const QByteArray line = app::formatLogLine(
        {1700000000123, LogLevel::Warning, "dynakv.app", text}, LogFormat::Json, false);
    QCOMPARE(line.count('\n'), 1);
    QJsonParseError error;
    const QJsonObject object = QJsonDocument::fromJson(line, &error).object();
    QCOMPARE(error.error, QJsonParseError::NoError);
    QCOMPARE(object.value(QLatin1String("level")).toString(), QStringLiteral("warning"));
    QCOMPARE(object.value(QLatin1String("category")).toString(), QStringLiteral("dynakv.app"));
    QCOMPARE(object.value(QLatin1String("time")).toString(),
             QStringLiteral("2023-11-14T22:13:20.123Z"));
    QCOMPARE(object.value(QLatin1String("message")).toString().first(20), text.first(20));
}

void TestLogLine::aRequestsIdStandsInItsLines()
{
    const app::LogEntry entry{0, LogLevel::Info, "dynakv.http", QStringLiteral("slow"), "ab-1"};
    QVERIFY(
        app::formatLogLine(entry, LogFormat::Text, false).endsWith("dynakv.http: slow [ab-1]\n"));
    const QByteArray line = app::formatLogLine(entry, LogFormat::Json, false);
    QCOMPARE(QJsonDocument::fromJson(line).object().value(QLatin1String("request_id")).toString(),
             QStringLiteral("ab-1"));
}

void TestLogLine::longTextIsCut()
{
    const QByteArray cut = app::escapedForLog(QString(100'000, QLatin1Char('x')));
    QCOMPARE(cut.size(), 4096 + 3);
    QVERIFY(cut.endsWith("x..."));
}

QTEST_APPLESS_MAIN(TestLogLine)
#include "tst_log_line.moc"
