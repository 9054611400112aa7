// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/options.h"

#include <QTest>

using namespace dynakv;
using app::Action;
using app::Options;

namespace {

base::Result<Options> parse(const QList<QByteArray> &arguments)
{
    const app::Surroundings surroundings{{{"DYNAKV_LISTEN", "10.0.0.1:70"}}, {}};
    return app::parseOptions({arguments.begin(), arguments.end()}, surroundings);
}

} // namespace

/// The command lines of `export` and `import`.
class TestTransferOptions : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void anExportNeedsNothing();
    void everyOptionOfAnExportReachesItsPlace();
    void anImportNeedsFileAndMode();
    void everyOptionOfAnImportReachesItsPlace();
    void wrongLinesNameTheRemedy_data();
    void wrongLinesNameTheRemedy();
    void helpWinsOverErrors();
};

void TestTransferOptions::anExportNeedsNothing()
{
    const auto options = parse({"export"});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->action, Action::Export);
    QCOMPARE(options->target.toString(), QByteArray("10.0.0.1:70"));
    QVERIFY(options->transfer == app::TransferOptions());
}

void TestTransferOptions::everyOptionOfAnExportReachesItsPlace()
{
    const auto options =
        parse({"export", "--prefix=user:", "kv", "--output", "a b", "--resume", "--progress"});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->target.toString(), QByteArray("kv:6660"));
    QCOMPARE(options->transfer.prefix, QByteArray("user:"));
    QCOMPARE(options->transfer.file, QStringLiteral("a b"));
    QVERIFY(options->transfer.resumes && options->transfer.showsProgress);
    QCOMPARE(parse({"export", "--prefix=--x"})->transfer.prefix, QByteArray("--x"));
    QCOMPARE(parse({"export", "--output", "-"})->transfer.file, QString());
}

void TestTransferOptions::anImportNeedsFileAndMode()
{
    const auto missing = parse({"import", "f", "--only-missing"});
    QVERIFY2(missing, missing ? "" : missing.error().message.constData());
    QCOMPARE(missing->action, Action::Import);
    QCOMPARE(missing->target.toString(), QByteArray("10.0.0.1:70"));
    QCOMPARE(missing->transfer.mode, app::ImportMode::OnlyMissing);
    const auto stream = parse({"import", "--overwrite", "-"});
    QVERIFY2(stream, stream ? "" : stream.error().message.constData());
    QCOMPARE(stream->transfer.file, QStringLiteral("-"));
    QCOMPARE(stream->transfer.mode, app::ImportMode::Overwrite);
    QCOMPARE(parse({"import", "--overwrite", "--", "-f"})->transfer.file, QStringLiteral("-f"));
}

void TestTransferOptions::everyOptionOfAnImportReachesItsPlace()
{
    const auto options =
        parse({"import", "f", "kv:1", "--overwrite", "--resume", "--force", "--progress"});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->target.toString(), QByteArray("kv:1"));
    QVERIFY(options->transfer.resumes && options->transfer.isForced);
    QVERIFY(options->transfer.showsProgress);
}

void TestTransferOptions::wrongLinesNameTheRemedy_data()
{
    QTest::addColumn<QList<QByteArray>>("arguments");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char *name, const QList<QByteArray> &arguments, const char *part) {
        QTest::newRow(name) << arguments << QByteArray(part);
    };
    row("two addresses", {"export", "a", "b"}, "one ADDR at most");
    row("a port", {"export", "6660"}, "ADDR: '6660'");
    row("an empty address", {"export", ""}, "an argument is empty");
    row("an unknown option", {"export", "--overwrite"}, "unknown option '--overwrite'");
    row("a switch with a value", {"export", "--resume=1"}, "unknown option '--resume=1'");
    row("an option twice", {"export", "--prefix", "a", "--prefix=b"}, "--prefix stands twice");
    row("no prefix", {"export", "--prefix"}, "--prefix needs a value");
    row("an option for a value", {"export", "--prefix", "--resume"}, "--prefix needs a value");
    row("an empty prefix", {"export", "--prefix="}, "--prefix: the value is empty");
    row("a long prefix", {"export", "--prefix", QByteArray(1025, 'p')}, "1024 bytes");
    row("nothing to go on with", {"export", "--resume"}, "--output FILE");
    row("no file", {"import", "--overwrite"}, "needs a FILE");
    row("no mode", {"import", "f"}, "exactly one of --only-missing");
    row("both modes", {"import", "f", "--only-missing", "--overwrite"}, "exactly one of");
    row("three words", {"import", "f", "a", "b", "--overwrite"}, "one FILE and one ADDR");
    row("a file and a node", {"export", "--file", "f", "kv:1"}, "neither ADDR nor --resume");
    row("a file goes on", {"export", "--file", "f", "--output", "o", "--resume"},
        "neither ADDR nor --resume");
    row("a file without a name", {"export", "--file="}, "--file: the value is empty");
    row("a stream goes on", {"import", "-", "--overwrite", "--resume"}, "need a FILE");
    row("a stream by force", {"import", "-", "--overwrite", "--force"}, "need a FILE");
    row("a prefix of an import", {"import", "f", "--overwrite", "--prefix", "a"},
        "unknown option '--prefix'");
}

void TestTransferOptions::wrongLinesNameTheRemedy()
{
    QFETCH(const QList<QByteArray>, arguments);
    QFETCH(const QByteArray, part);
    const auto options = parse(arguments);
    QVERIFY(!options);
    QVERIFY2(options.error().message.contains(part), options.error().message.constData());
    QVERIFY(!options.error().message.contains('\n'));
}

void TestTransferOptions::helpWinsOverErrors()
{
    QCOMPARE(parse({"import", "--help"})->action, Action::Help);
    QCOMPARE(parse({"export", "a", "b", "-h"})->action, Action::Help);
}

QTEST_APPLESS_MAIN(TestTransferOptions)
#include "tst_transfer_options.moc"
