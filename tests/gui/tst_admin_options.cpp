// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/app/options.h"

#include <QTest>

using namespace dynakv::admin;

namespace {

Options parse(std::vector<const char *> words)
{
    words.insert(words.begin(), "dynakv-admin");
    return parseOptions(static_cast<int>(words.size()), words.data());
}

} // namespace

class AdminOptionsTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void theAddressMayLackItsPort();
    void helpAndVersionEndWithSuccess();
    void aThemeIsTakenInBothForms();
    void optionsOfQtPass();
    void mistakesNameTheRemedy_data();
    void mistakesNameTheRemedy();
};

void AdminOptionsTest::theAddressMayLackItsPort()
{
    QCOMPARE(parse({"node-a"}).node->toString(), QByteArray("node-a:6660"));
    QCOMPARE(parse({"[::1]:7000"}).node->toString(), QByteArray("[::1]:7000"));
    QVERIFY(!parse({}).node.has_value());
}

void AdminOptionsTest::helpAndVersionEndWithSuccess()
{
    QCOMPARE(parse({"--help"}).exitCode, std::optional<int>(0));
    QVERIFY(parse({"-h"}).text.contains("--theme"));
    QCOMPARE(parse({"--version"}).text, QByteArray("dynakv-admin " DYNAKV_VERSION "\n"));
}

void AdminOptionsTest::aThemeIsTakenInBothForms()
{
    QCOMPARE(parse({"--theme", "dark"}).theme, std::optional(Theme::Choice::Dark));
    QCOMPARE(parse({"--theme=light"}).theme, std::optional(Theme::Choice::Light));
    QCOMPARE(parse({"--theme=system", "a:1"}).node->toString(), QByteArray("a:1"));
}

void AdminOptionsTest::optionsOfQtPass()
{
    const Options options = parse({"-platform", "offscreen", "a:1"});
    QVERIFY(!options.exitCode.has_value());
    QCOMPARE(options.node->toString(), QByteArray("a:1"));
}

void AdminOptionsTest::mistakesNameTheRemedy_data()
{
    QTest::addColumn<QByteArray>("first");
    QTest::addColumn<QByteArray>("second");
    QTest::newRow("unknown option") << QByteArray("--tehme") << QByteArray("dark");
    QTest::newRow("unknown theme") << QByteArray("--theme") << QByteArray("blue");
    QTest::newRow("theme without a name") << QByteArray("a:1") << QByteArray("--theme");
    QTest::newRow("two addresses") << QByteArray("a:1") << QByteArray("b:1");
    QTest::newRow("no address") << QByteArray("http://a:1") << QByteArray("--theme=dark");
}

void AdminOptionsTest::mistakesNameTheRemedy()
{
    QFETCH(QByteArray, first);
    QFETCH(QByteArray, second);
    const Options options = parse({first.constData(), second.constData()});
    QCOMPARE(options.exitCode, std::optional<int>(2));
    QVERIFY(options.text.contains("--help"));
}

QTEST_APPLESS_MAIN(AdminOptionsTest)
#include "tst_admin_options.moc"
