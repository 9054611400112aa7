// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"
#include "tests/support/file_bytes.h"
#include "tests/support/own_namespaces.h"
#include "tests/support/small_disk.h"

#include <QDir>
#include <QJsonArray>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::Ended;
using test::HttpAnswer;

namespace {

constexpr int kVictim = 2;
constexpr int kExitBadData = 65;
constexpr int kExitCannotCreate = 73;
constexpr int kExitIo = 74;
constexpr int kExitUnsafe = 78;

QByteArray keyOf(int number)
{
    return "key" + QByteArray::number(number);
}

} // namespace

/// What becomes of the directory of a node that its cluster goes on without.
class TestForgottenNode : public QObject
{
    Q_OBJECT

public:
    /// \a whyNoDisk: why there is no small disk to fill, if so.
    explicit TestForgottenNode(QString whyNoDisk)
        : m_whyNoDisk(std::move(whyNoDisk))
    {
    }

private Q_SLOTS:
    void forgettingTellsWhatIsKnown();
    void theDirectoryComesBackAsANewNode();
    void aNewNodeThatIsKilledAtItsStartIsStartedAgain();
    void aFullDiskIsNoHindrance();
    void theDirectoryOfANodeThatLeftIsSetAsideToo();
    void cleanup();

private:
    void start();
    [[nodiscard]] test::DaemonProcess &victim() { return m_cluster->node(kVictim); }
    QByteArray idOf(int node);
    HttpAnswer post(int node, const QByteArray &target)
    {
        return m_cluster->rest(node).begin("POST", target).finish();
    }
    Ended run(const QStringList &arguments)
    {
        return test::runDaemonToEnd(arguments, m_cluster->directory());
    }
    Ended setAside(int node)
    {
        return run({QStringLiteral("set-aside"), QStringLiteral("--data-dir"),
                    m_cluster->node(node).dataDirectory()});
    }
    /// The victim is killed and forgotten, learns it, and is stopped.
    void loseVictim();
    [[nodiscard]] QStringList filesAside()
    {
        return QDir(victim().dataDirectory()).entryList({QStringLiteral("set-aside-*")});
    }
    [[nodiscard]] QByteArray seed() { return m_cluster->node(0).address().toString(); }

    QString m_whyNoDisk;
    std::unique_ptr<Cluster> m_cluster;
    std::unique_ptr<test::SmallDisk> m_disk;
    QByteArray m_id;
};

void TestForgottenNode::cleanup()
{
    for (int node = 0; m_cluster && node < m_cluster->size(); ++node)
        m_cluster->node(node).killHard();
    m_disk.reset();
    m_cluster.reset();
}

void TestForgottenNode::start()
{
    if (!m_cluster)
        m_cluster = std::make_unique<Cluster>(3);
    QVERIFY(m_cluster->start());
    for (int i = 0; i < 20; ++i)
        QVERIFY(m_cluster->rest(0).putValue(keyOf(i), QByteArray::number(i)));
    QVERIFY(m_cluster->waitForValue(keyOf(19), "19"));
    m_id = idOf(kVictim);
}

QByteArray TestForgottenNode::idOf(int node)
{
    return m_cluster->rest(node)
        .get("/v1/cluster")
        .object()
        .value(QLatin1String("node_id"))
        .toString()
        .toLatin1();
}

void TestForgottenNode::loseVictim()
{
    victim().killHard();
    QVERIFY(m_cluster->waitForMembers({0, 1}));
    QCOMPARE(post(1, "/v1/admin/forget?node=" + m_id).status, 200);
    QVERIFY(victim().start({seed()}));
    const auto reason = [this] { return m_cluster->rest(kVictim).get("/readyz").body; };
    QTRY_VERIFY2_WITH_TIMEOUT(reason().contains("set-aside"), reason().constData(), 20'000);
    QCOMPARE(m_cluster->rest(kVictim).get("/key/" + keyOf(0)).status, 503);
    QCOMPARE(m_cluster->rest(kVictim).get("/v1/keys").status, 503);
    QCOMPARE(setAside(kVictim).code, kExitCannotCreate); // As long as it runs.
    QCOMPARE(victim().terminate(), 0);
}

void TestForgottenNode::forgettingTellsWhatIsKnown()
{
    start();
    const auto row = [this] {
        const QJsonArray members = m_cluster->rest(0)
                                       .get("/v1/cluster")
                                       .object()
                                       .value(QLatin1String("members"))
                                       .toArray();
        for (const QJsonValue &each : members) {
            if (each[QLatin1String("id")].toString().toLatin1() == m_id)
                return each;
        }
        return QJsonValue();
    };
    // Node 0 leads a comparison with it within some periods, or asks for one.
    QCOMPARE(post(0, "/v1/admin/repair").status, 200);
    QVERIFY(test::waitUntil([&] { return row().toObject().contains(QLatin1String("compared_at")); },
                            30'000));
    const qint64 beforeMs = QDateTime::currentMSecsSinceEpoch();
    victim().killHard();
    QVERIFY(m_cluster->waitForMembers({0, 1}));
    const HttpAnswer answer = post(0, "/v1/admin/forget?node=" + m_id);
    QCOMPARE(answer.status, 200);
    const auto timeOf = [&](const char *name) {
        const QString text = answer.object().value(QLatin1String(name)).toString();
        return QDateTime::fromString(text, Qt::ISODateWithMs).toMSecsSinceEpoch();
    };
    const qint64 contactMs = timeOf("last_contact");
    QVERIFY2(contactMs > beforeMs - 60'000 && contactMs < beforeMs + 60'000,
             answer.body.constData());
    const qint64 comparedMs = timeOf("compared_at");
    QVERIFY2(comparedMs > beforeMs - 120'000 && comparedMs <= contactMs, answer.body.constData());
    const int equal = answer.object().value(QLatin1String("partitions_equal")).toInt(-1);
    QVERIFY2(equal > 0 && equal <= 256, answer.body.constData());
}

void TestForgottenNode::theDirectoryComesBackAsANewNode()
{
    start();
    // While the others are gone it alone takes a write, and misses that they delete a key.
    for (const int other : {0, 1})
        m_cluster->node(other).killHard();
    QVERIFY(m_cluster->rest(kVictim).putValue("alone", "\"mine\""));
    victim().killHard();
    QVERIFY(m_cluster->node(0).restart() && m_cluster->node(1).restart());
    QVERIFY(m_cluster->waitForMembers({0, 1}));
    QCOMPARE(m_cluster->rest(0).del("/key/" + keyOf(3)).status, 200);
    loseVictim();
    const QString file = victim().dataDirectory() + QStringLiteral("/storage.db");
    const QByteArray held = test::sha256Of(file);

    const Ended refused = setAside(1); // Its node runs.
    QCOMPARE(refused.code, kExitCannotCreate);
    const Ended done = setAside(kVictim);
    QVERIFY2(done.code == 0, (done.out + done.err).constData());
    const QString aside = victim().dataDirectory() + QStringLiteral("/set-aside-") +
                          QString::fromLatin1(m_id) + QStringLiteral(".db");
    QVERIFY(done.out.contains(aside.toUtf8()));
    QCOMPARE(test::sha256Of(aside), held);
    const Ended again = setAside(kVictim);
    QVERIFY2(again.code == 0 && again.out.contains(aside.toUtf8()), again.err.constData());

    // Nothing there founds a second cluster.
    QVERIFY(!victim().start());
    QCOMPARE(victim().exitCode(), kExitUnsafe);
    QVERIFY(victim().start({seed()}));
    QVERIFY(m_cluster->waitForAll());
    QVERIFY(idOf(kVictim) != m_id);
    QVERIFY(victim().log().contains(aside.toUtf8() + " is what a forgotten node held"));
    QTest::qWait(1500); // Whatever it would push is there by then; comparisons were before ready.
    for (int node = 0; node < 3; ++node) {
        QCOMPARE(m_cluster->rest(node).get("/key/alone").status, 404);
        QCOMPARE(m_cluster->rest(node).get("/key/" + keyOf(3)).status, 404);
        QCOMPARE(m_cluster->rest(node).value(keyOf(4)), QByteArray("4"));
    }
    const HttpAnswer all = m_cluster->rest(1).put("/key/k?w=all", R"({"value":1})");
    QCOMPARE(all.headers.at("dynakv-durability"), "sync; replicas=3/3");

    // What it alone held can be looked at, and brought back by whoever wants it.
    const QString keys = m_cluster->directory() + QStringLiteral("/keys.ndjson");
    const Ended exported = run({QStringLiteral("export"), QStringLiteral("--file"), aside,
                                QStringLiteral("--output"), keys});
    QVERIFY2(exported.code == 0 && exported.err.contains("exported 21 keys"),
             exported.err.constData());
    const QByteArray lines = test::readFile(keys);
    QVERIFY(lines.startsWith("{\"dynakv_export\":1,") && lines.contains("\"node\":\"" + m_id));
    QVERIFY(lines.contains("{\"key\":\"alone\",\"value\":\"mine\","));
    QVERIFY(lines.contains("{\"key\":\"" + keyOf(3) + "\","));
    const Ended some = run({QStringLiteral("export"), QStringLiteral("--file"), aside,
                            QStringLiteral("--prefix"), QStringLiteral("al")});
    QVERIFY(some.code == 0 && some.out.count('\n') == 3);
    QFile::remove(keys);
    QCOMPARE(
        run({QStringLiteral("export"), QStringLiteral("--file"), aside, QStringLiteral("--prefix"),
             QStringLiteral("al"), QStringLiteral("--output"), keys})
            .code,
        0);
    const Ended imported = run({QStringLiteral("import"), keys, QString::fromLatin1(seed()),
                                QStringLiteral("--only-missing")});
    QVERIFY2(imported.code == 0, imported.err.constData());
    QVERIFY(m_cluster->waitForValue("alone", "\"mine\""));
    QCOMPARE(test::sha256Of(aside), held);
    QCOMPARE(filesAside().size(), 1);

    // The new node is a member, which nobody sets aside.
    QCOMPARE(victim().terminate(), 0);
    const Ended member = setAside(kVictim);
    QVERIFY2(member.code == kExitUnsafe && member.err.contains("is a member of its cluster"),
             member.err.constData());
    QVERIFY(victim().restart());
    QVERIFY(m_cluster->waitForAll());
}

void TestForgottenNode::aNewNodeThatIsKilledAtItsStartIsStartedAgain()
{
    start();
    loseVictim();
    QCOMPARE(setAside(kVictim).code, 0);
    const QStringList files = filesAside();
    QCOMPARE(files.size(), 1);
    const QString aside = victim().dataDirectory() + QLatin1Char('/') + files.first();
    const QByteArray held = test::sha256Of(aside);
    for (int round = 0; round < 8; ++round) {
        QVERIFY(victim().launch({seed()}));
        QTest::qWait(round * 15); // Somewhere on its way: any moment must do.
        victim().killHard();
    }
    QVERIFY(victim().start({seed()}));
    QVERIFY(m_cluster->waitForAll());
    QVERIFY(idOf(kVictim) != m_id);
    for (int i = 0; i < 20; ++i)
        QCOMPARE(m_cluster->rest(kVictim).value(keyOf(i)), QByteArray::number(i));
    QCOMPARE(filesAside(), files);
    QCOMPARE(test::sha256Of(aside), held);
}

void TestForgottenNode::aFullDiskIsNoHindrance()
{
    if (!m_whyNoDisk.isEmpty())
        QSKIP(qPrintable(m_whyNoDisk));
    m_cluster = std::make_unique<Cluster>(3);
    m_disk = std::make_unique<test::SmallDisk>(victim().dataDirectory(), qint64{16} << 20);
    if (!m_disk->isMounted())
        QSKIP("this user may not mount a file system in memory");
    start();
    loseVictim();
    QVERIFY(m_disk->setBallast(m_disk->freeBytes()));
    QCOMPARE(m_disk->freeBytes(), 0);
    const QByteArray held =
        test::sha256Of(victim().dataDirectory() + QStringLiteral("/storage.db"));
    const Ended done = setAside(kVictim);
    QVERIFY2(done.code == 0, done.err.constData());
    QVERIFY(!victim().start({seed()}));
    QCOMPARE(victim().exitCode(), kExitIo);
    QCOMPARE(filesAside().size(), 1);
    QCOMPARE(test::sha256Of(victim().dataDirectory() + QLatin1Char('/') + filesAside().first()),
             held);
    QVERIFY(m_disk->setBallast(0));
    QVERIFY(victim().start({seed()}));
    QVERIFY(m_cluster->waitForAll());
    QCOMPARE(m_cluster->rest(kVictim).value(keyOf(7)), QByteArray("7"));
}

void TestForgottenNode::theDirectoryOfANodeThatLeftIsSetAsideToo()
{
    start();
    QCOMPARE(setAside(kVictim).code, kExitCannotCreate);
    QCOMPARE(post(kVictim, "/v1/admin/leave").status, 200);
    QCOMPARE(victim().terminate(), 0);
    QCOMPARE(setAside(kVictim).code, 0);
    QVERIFY(victim().start({seed()}));
    QVERIFY(m_cluster->waitForAll());
    QVERIFY(idOf(kVictim) != m_id);
    QCOMPARE(run({QStringLiteral("set-aside"), QStringLiteral("--data-dir"),
                  m_cluster->directory() + QStringLiteral("/nowhere")})
                 .code,
             kExitBadData);
}

int main(int argc, char **argv)
{
    const QString whyNoDisk = test::takeOwnMounts();
    const QCoreApplication app(argc, argv);
    TestForgottenNode test(whyNoDisk);
    return QTest::qExec(&test, argc, argv);
}

#include "tst_forgotten_node.moc"
