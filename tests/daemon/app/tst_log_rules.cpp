// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/log_rules.h"

#include <QTest>

using namespace dynakv;
using app::LogLevel;
using app::LogRules;

class TestLogRules : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void rulesDecideByCategoryAndLevel_data();
    void rulesDecideByCategoryAndLevel();
    void nonsenseIsRefused_data();
    void nonsenseIsRefused();
    void theirTextMakesThemAgain();
};

void TestLogRules::rulesDecideByCategoryAndLevel_data()
{
    QTest::addColumn<QByteArray>("rules");
    QTest::addColumn<QByteArray>("category");
    QTest::addColumn<int>("lowest"); // The lowest level that is logged.
    const auto row = [](const char *name, const char *rules, const char *category,
                        LogLevel lowest) {
        QTest::newRow(name) << QByteArray(rules) << QByteArray(category)
                            << static_cast<int>(lowest);
    };
    row("level", "debug", "dynakv.app", LogLevel::Debug);
    row("error", "error", "dynakv.app", LogLevel::Error);
    row("library", "debug", "qt.network", LogLevel::Warning);
    row("library asked for", "qt.network=debug", "qt.network.ssl", LogLevel::Debug);
    row("default category", "debug", "default", LogLevel::Warning);
    row("part", "warning,cluster=debug", "dynakv.cluster.link", LogLevel::Debug);
    row("other part", "warning,cluster=debug", "dynakv.http", LogLevel::Warning);
    row("not a prefix of a word", "warning,cluster=debug", "dynakv.clusters", LogLevel::Warning);
    row("last rule wins", "cluster=debug,cluster.link=error", "dynakv.cluster.link",
        LogLevel::Error);
    row("full name", "dynakv.http=error", "dynakv.http", LogLevel::Error);
    row("spaces and case", " Info , HTTP = Debug", "dynakv.http", LogLevel::Debug);
    row("headers never", "qt=debug,qt.httpserver=debug", "qt.httpserver", LogLevel::Info);
}

void TestLogRules::rulesDecideByCategoryAndLevel()
{
    QFETCH(const QByteArray, rules);
    QFETCH(const QByteArray, category);
    QFETCH(const int, lowest);
    const auto parsed = LogRules::parse(rules);
    QVERIFY2(parsed, parsed ? "" : parsed.error().message.constData());
    for (const LogLevel level :
         {LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error})
        QCOMPARE(parsed->isEnabled(category, level), static_cast<int>(level) >= lowest);
}

void TestLogRules::nonsenseIsRefused_data()
{
    QTest::addColumn<QByteArray>("rules");
    for (const char *rules :
         {"", "loud", "info,", "=debug", "a b=debug", ".a=debug", "a=", "a=b=debug"})
        QTest::newRow(*rules ? rules : "empty") << QByteArray(rules);
    QTest::newRow("too long") << QByteArray(2000, ' ') + "info";
}

void TestLogRules::nonsenseIsRefused()
{
    QFETCH(const QByteArray, rules);
    QVERIFY(!LogRules::parse(rules));
}

void TestLogRules::theirTextMakesThemAgain()
{
    QCOMPARE(LogRules().toText(), "info");
    for (const char *text :
         {"info", "debug", "info,cluster=debug", "warning,qt=info,dynakv.qt=debug",
          "error,dynakv=info,default=warning"}) {
        const auto rules = LogRules::parse(text);
        QVERIFY(rules);
        QCOMPARE(rules->toText(), text);
        QCOMPARE(*LogRules::parse(rules->toText()), *rules);
    }
    QCOMPARE(LogRules::parse("info, dynakv.http.door=ERROR")->toText(), "info,http.door=error");
}

QTEST_APPLESS_MAIN(TestLogRules)
#include "tst_log_rules.moc"
