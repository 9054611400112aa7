// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/config_file.h"

#include <QTest>

using namespace dynakv;

class TestConfigFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void linesAreRead();
    void errorsNameTheirLine_data();
    void errorsNameTheirLine();
    void aFileThatIsTooLargeIsRefused();
};

void TestConfigFile::linesAreRead()
{
    const auto entries = app::parseConfig("f", "\xef\xbb\xbf# comment\r\n"
                                               "\r\n"
                                               "  listen =127.0.0.1:6660  # here\r\n"
                                               "data-dir = \" /a #b \"\n"
                                               "join=a#b\n"
                                               "log-level = a=b");
    QVERIFY2(entries, entries ? "" : entries.error().message.constData());
    const std::vector<app::ConfigEntry> expected{{"listen", "127.0.0.1:6660", 3},
                                                 {"data-dir", " /a #b ", 4},
                                                 {"join", "a#b", 5},
                                                 {"log-level", "a=b", 6}};
    QCOMPARE(*entries, expected);
}

void TestConfigFile::errorsNameTheirLine_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("start");
    QTest::newRow("no equals") << QByteArray("a = b\nlisten") << QByteArray("f:2: expected");
    QTest::newRow("no name") << QByteArray("= b") << QByteArray("f:1: expected");
    QTest::newRow("no value") << QByteArray("a =   # b") << QByteArray("f:1: 'a' has no value");
    QTest::newRow("open quotes") << QByteArray("a = \"b") << QByteArray("f:1: the double quotes");
    QTest::newRow("text after quotes")
        << QByteArray("a = \"b\" c") << QByteArray("f:1: the double quotes");
    QTest::newRow("not UTF-8") << QByteArray("a = b\n\na = \xff") << QByteArray("f:3: not UTF-8");
    QTest::newRow("control character")
        << QByteArray("a = b\x1b[2J") << QByteArray("f:1: not UTF-8");
    QTest::newRow("zero byte") << QByteArray("a = \0b", 6) << QByteArray("f:1: not UTF-8");
}

void TestConfigFile::errorsNameTheirLine()
{
    QFETCH(const QByteArray, text);
    QFETCH(const QByteArray, start);
    const auto entries = app::parseConfig("f", text);
    QVERIFY(!entries);
    QVERIFY2(entries.error().message.startsWith(start), entries.error().message.constData());
}

void TestConfigFile::aFileThatIsTooLargeIsRefused()
{
    const QByteArray comment(app::kConfigBytesMax, '#');
    QVERIFY(app::parseConfig("f", comment));
    QVERIFY(!app::parseConfig("f", comment + '#'));
}

QTEST_APPLESS_MAIN(TestConfigFile)
#include "tst_config_file.moc"
