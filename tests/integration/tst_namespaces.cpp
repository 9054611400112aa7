// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/network_cluster.h"
#include "tests/support/own_namespaces.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

#include <algorithm>

using namespace dynakv;
using test::HttpAnswer;
using test::NetworkCluster;

namespace {

constexpr int kMachines = 5;
const std::vector<int> kAll{0, 1, 2, 3, 4};

QByteArray keyOf(const char *prefix, int number)
{
    return prefix + QByteArray::number(number);
}

/// Whatever was acknowledged; the greatest version of a key wins, wherever it was written.
class Expected
{
public:
    explicit Expected(NetworkCluster &cluster)
        : m_cluster(cluster)
    {
    }

    /// Whether it was acknowledged.
    bool put(int machine, const QByteArray &key, const QByteArray &text,
             const QByteArray &options = {})
    {
        return take(m_cluster.ask(machine, "PUT", "/key/" + key + options,
                                  R"({"value":")" + text + R"("})"),
                    key, text);
    }
    bool remove(int machine, const QByteArray &key, const QByteArray &options = {})
    {
        return take(m_cluster.ask(machine, "DELETE", "/key/" + key + options), key, {});
    }
    /// As NetworkCluster::contentOf().
    [[nodiscard]] QByteArray content() const
    {
        QJsonArray content;
        for (auto it = m_winners.begin(); it != m_winners.end(); ++it) {
            if (!it->text.isEmpty())
                content.append(QJsonArray{QString::fromLatin1(it.key()),
                                          QString::fromLatin1(it->version),
                                          QString::fromLatin1(it->text)});
        }
        return QJsonDocument(content).toJson(QJsonDocument::Compact);
    }

private:
    struct Winner
    {
        QByteArray version;
        QByteArray text; ///< Empty: deleted.
    };

    bool take(const HttpAnswer &answer, const QByteArray &key, const QByteArray &text)
    {
        if (answer.status != 200)
            return false;
        const Winner written{answer.object()[QLatin1String("version")].toString().toLatin1(), text};
        Winner &winner = m_winners[key];
        if (written.version > winner.version)
            winner = written;
        return true;
    }

    NetworkCluster &m_cluster;
    QMap<QByteArray, Winner> m_winners;
};

} // namespace

/// Five nodes, each on a machine of its own, and what networks and machines do to them.
class TestNamespaces : public QObject
{
    Q_OBJECT

public:
    explicit TestNamespaces(QString whyNot)
        : m_whyNot(std::move(whyNot))
    {
    }

private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup() { m_cluster.reset(); }
    void nodesOnAnyAddressKnowEachOtherByTheirOwn();
    void whoIsGoneIsDownEverywhereAndComesBack_data();
    void whoIsGoneIsDownEverywhereAndComesBack();
    void bothSidesOfAPartitionEndEqual();
    void lossInOneDirectionHarmsNobodyElse_data();
    void lossInOneDirectionHarmsNobodyElse();
    void twoThatCannotHearEachOtherStayMembers();
    void anEmptiedDirectoryJoinsAsAnotherNode();
    void aCopiedDirectoryIsRefused_data();
    void aCopiedDirectoryIsRefused();

private:
    test::LocalNetwork &network() { return m_cluster->network(); }
    /// Machine \a gone is not listed by the others, whose lists of each other hold all the while.
    void waitUntilOthersMiss(int gone);
    [[nodiscard]] bool othersListEachOther(int gone);

    QString m_whyNot;
    std::unique_ptr<NetworkCluster> m_cluster;
};

void TestNamespaces::initTestCase()
{
    if (m_whyNot.isEmpty())
        m_whyNot = test::LocalNetwork(1).failure();
    if (!m_whyNot.isEmpty())
        QSKIP(qPrintable(QStringLiteral("no network of namespaces can be made here: ") + m_whyNot));
}

void TestNamespaces::init()
{
    m_cluster = std::make_unique<NetworkCluster>(kMachines + 1);
    QVERIFY2(network().failure().isEmpty(), qPrintable(network().failure()));
    QVERIFY(m_cluster->start(kMachines));
}

bool TestNamespaces::othersListEachOther(int gone)
{
    return std::all_of(kAll.begin(), kAll.end(), [&](int asked) {
        if (asked == gone)
            return true;
        const HttpAnswer answer = m_cluster->ask(asked, "GET", "/membership");
        return std::all_of(kAll.begin(), kAll.end(), [&](int member) {
            return member == gone || answer.body.contains(NetworkCluster::addressOf(member));
        });
    });
}

void TestNamespaces::waitUntilOthersMiss(int gone)
{
    std::vector<int> others = kAll;
    others.erase(others.begin() + gone);
    bool isNobodyElseMissed = true;
    QElapsedTimer elapsed;
    elapsed.start();
    const bool isMissed = test::waitUntil(
        [&] {
            isNobodyElseMissed = isNobodyElseMissed && othersListEachOther(gone);
            return m_cluster->waitForMembers(others, others, 0);
        },
        30'000);
    QVERIFY(isMissed);
    QVERIFY(isNobodyElseMissed);
    qInfo("missed by all others after %lld ms", static_cast<long long>(elapsed.elapsed()));
}

void TestNamespaces::nodesOnAnyAddressKnowEachOtherByTheirOwn()
{
    QList<QByteArray> expected;
    for (const int machine : kAll)
        expected.push_back(NetworkCluster::addressOf(machine) + " alive");
    const auto isKnown = [&](int machine) {
        QList<QByteArray> states = m_cluster->statesAt(machine);
        std::sort(states.begin(), states.end());
        return states == expected;
    };
    for (const int machine : kAll)
        QVERIFY(test::waitUntil([&] { return isKnown(machine); }, 30'000));
    // The founder was first reached by others; now it has to remember.
    m_cluster->node(0).killHard();
    QVERIFY(m_cluster->startNode(0));
    QVERIFY(m_cluster->waitForMembers(kAll, kAll));
    for (const int machine : kAll)
        QVERIFY(test::waitUntil([&] { return isKnown(machine); }, 30'000));
}

void TestNamespaces::whoIsGoneIsDownEverywhereAndComesBack_data()
{
    QTest::addColumn<QString>("how");
    for (const char *how : {"unplugged", "killed", "stopped"})
        QTest::newRow(how) << QString::fromLatin1(how);
}

void TestNamespaces::whoIsGoneIsDownEverywhereAndComesBack()
{
    QFETCH(const QString, how);
    constexpr int gone = 3;
    Expected expected(*m_cluster);
    for (int i = 0; i < 20; ++i)
        QVERIFY(expected.put(i % kMachines, keyOf("before", i), "before", "?w=all"));
    if (how == QLatin1String("unplugged"))
        network().unplug(gone);
    else if (how == QLatin1String("killed"))
        m_cluster->node(gone).killHard();
    else
        m_cluster->node(gone).pause();
    waitUntilOthersMiss(gone);
    if (QTest::currentTestFailed())
        return;
    for (const int machine : {0, 1, 2, 4})
        QVERIFY(m_cluster->statesAt(machine).contains(NetworkCluster::addressOf(gone) + " down"));
    for (int i = 0; i < 10; ++i) {
        QVERIFY(expected.remove(i % 3, keyOf("before", i), "?w=quorum"));
        QVERIFY(expected.put(i % 3, keyOf("meanwhile", i), "new", "?w=quorum"));
    }
    QElapsedTimer elapsed;
    elapsed.start();
    if (how == QLatin1String("unplugged"))
        network().plug(gone);
    else if (how == QLatin1String("killed"))
        QVERIFY(m_cluster->startNode(gone));
    else
        m_cluster->node(gone).resume();
    QVERIFY(m_cluster->waitForMembers(kAll, kAll));
    QVERIFY(m_cluster->waitForEqual(kAll));
    QCOMPARE(m_cluster->contentOf(gone), expected.content());
    qInfo("back and equal after %lld ms", static_cast<long long>(elapsed.elapsed()));
}

void TestNamespaces::bothSidesOfAPartitionEndEqual()
{
    constexpr int kEach = 20;
    const std::vector<int> majority{0, 1, 2};
    const std::vector<int> minority{3, 4};
    Expected expected(*m_cluster);
    for (int i = 0; i < kEach; ++i) {
        for (const char *prefix : {"removed", "removedFew", "both", "again", "removedBoth"})
            QVERIFY(expected.put(i % kMachines, keyOf(prefix, i), "before", "?w=all"));
    }
    network().split(minority);
    QVERIFY(m_cluster->waitForMembers(majority, majority));
    QVERIFY(m_cluster->waitForMembers(minority, minority));
    for (int i = 0; i < kEach; ++i) {
        const int many = i % 3;
        QVERIFY(expected.put(many, keyOf("many", i), "many", "?w=quorum"));
        QVERIFY(expected.remove(many, keyOf("removed", i), "?w=quorum"));
        QVERIFY(expected.put(many, keyOf("both", i), "many", "?w=quorum"));
        QVERIFY(expected.remove(many, keyOf("again", i), "?w=quorum"));
    }
    for (int i = 0; i < kEach; ++i) {
        const int few = 3 + i % 2;
        QVERIFY(expected.put(few, keyOf("few", i), "few"));
        QVERIFY(expected.remove(few, keyOf("removedFew", i)));
        QVERIFY(expected.put(few, keyOf("both", i), "few"));
        QVERIFY(expected.put(few, keyOf("again", i), "few"));
        QVERIFY(expected.put(few, keyOf("removedBoth", i), "few"));
    }
    for (int i = 0; i < kEach; ++i)
        QVERIFY(expected.remove(i % 3, keyOf("removedBoth", i), "?w=quorum"));
    // The smaller side promises nothing to who asks for more than it is.
    const HttpAnswer refused = m_cluster->ask(3, "DELETE", "/key/never-there?w=quorum&timeout=300");
    QCOMPARE(refused.status, 503);
    QVERIFY(refused.body.contains(R"("outcome":"unknown")"));

    QElapsedTimer elapsed;
    elapsed.start();
    network().join(minority);
    QVERIFY(m_cluster->waitForEqual(kAll));
    qInfo("equal %lld ms after the heal", static_cast<long long>(elapsed.elapsed()));
    for (const int machine : kAll)
        QCOMPARE(m_cluster->contentOf(machine), expected.content());
    QVERIFY(m_cluster->waitForMembers(kAll, kAll));
    QVERIFY(m_cluster->waitForLinks(kAll));
}

void TestNamespaces::lossInOneDirectionHarmsNobodyElse_data()
{
    QTest::addColumn<bool>("isDeaf");
    QTest::newRow("nothing comes") << true;
    QTest::newRow("nothing goes") << false;
}

/// Such a node hears nobody, or says things that nobody answers: all the others stay as they are.
void TestNamespaces::lossInOneDirectionHarmsNobodyElse()
{
    QFETCH(const bool, isDeaf);
    constexpr int lost = 2;
    Expected expected(*m_cluster);
    isDeaf ? network().deafen(lost) : network().mute(lost);
    QVERIFY2(network().failure().isEmpty(), qPrintable(network().failure()));
    waitUntilOthersMiss(lost);
    if (QTest::currentTestFailed())
        return;
    QVERIFY(m_cluster->waitForMembers({lost}, {lost}));
    QVERIFY(expected.put(0, "there", "there", "?w=quorum"));
    QVERIFY(expected.put(lost, "here", "here"));
    QCOMPARE(m_cluster->ask(lost, "DELETE", "/key/never?w=2&timeout=300").status, 503);
    QVERIFY(othersListEachOther(lost));
    network().endLoss(lost);
    QVERIFY(m_cluster->waitForMembers(kAll, kAll));
    QVERIFY(m_cluster->waitForEqual(kAll));
    QCOMPARE(m_cluster->contentOf(lost), expected.content());
}

/// Others hear both. What one of them writes comes to the other through those.
void TestNamespaces::twoThatCannotHearEachOtherStayMembers()
{
    Expected expected(*m_cluster);
    network().loseFromTo(0, 1);
    QVERIFY2(network().failure().isEmpty(), qPrintable(network().failure()));
    QCOMPARE(m_cluster->ask(0, "DELETE", "/key/never-there?w=all&timeout=500").status, 503);
    QCOMPARE(m_cluster->ask(1, "DELETE", "/key/never-there?w=all&timeout=500").status, 503);
    QVERIFY(expected.put(0, "from0", "0"));
    QVERIFY(expected.put(1, "from1", "1"));
    QElapsedTimer elapsed;
    elapsed.start();
    bool isComplete = true;
    // Twice the time of a verdict, and until both have it by the others.
    const bool isEqual = test::waitUntil(
        [&] {
            isComplete = isComplete && othersListEachOther(-1);
            return elapsed.hasExpired(8'000) && m_cluster->waitForEqual(kAll, 0);
        },
        30'000);
    QVERIFY(isComplete);
    QVERIFY(isEqual);
    QCOMPARE(m_cluster->contentOf(0), expected.content());
    network().endLossFromTo(0, 1);
    QVERIFY(m_cluster->waitForLinks(kAll, 20'000));
}

void TestNamespaces::anEmptiedDirectoryJoinsAsAnotherNode()
{
    constexpr int emptied = 4;
    Expected expected(*m_cluster);
    for (int i = 0; i < 50; ++i)
        QVERIFY(expected.put(i % kMachines, keyOf("k", i), "v", "?w=all"));
    const auto idOf = [this](int machine) {
        return m_cluster->ask(machine, "GET", "/v1/cluster")
            .object()[QLatin1String("node_id")]
            .toString()
            .toLatin1();
    };
    const QByteArray before = idOf(emptied);
    m_cluster->node(emptied).killHard();
    QVERIFY(expected.remove(0, keyOf("k", 0)));
    QVERIFY(QDir(m_cluster->node(emptied).dataDirectory()).removeRecursively());
    QVERIFY(m_cluster->startNode(emptied));
    QVERIFY(m_cluster->waitForMembers(kAll, kAll));
    QVERIFY(m_cluster->waitForEqual(kAll));
    QCOMPARE(m_cluster->contentOf(emptied), expected.content());
    QVERIFY(idOf(emptied) != before);
    // What it was before is another member, that is missing until it is forgotten.
    const QByteArray address = NetworkCluster::addressOf(emptied);
    for (const int machine : kAll) {
        QVERIFY(test::waitUntil(
            [&] {
                const QList<QByteArray> states = m_cluster->statesAt(machine);
                return states.count(address + " alive") == 1 &&
                       states.count(address + " down") == 1;
            },
            30'000));
    }
    QCOMPARE(m_cluster->ask(0, "POST", "/v1/admin/forget?node=" + before).status, 200);
    QVERIFY(m_cluster->waitForLinks(kAll));
}

void TestNamespaces::aCopiedDirectoryIsRefused_data()
{
    QTest::addColumn<bool>("isCopyFirst");
    QTest::newRow("beside the original") << false;
    QTest::newRow("in front of it") << true;
}

/// Two processes of one identity: the second one is told so, and the first one stays.
void TestNamespaces::aCopiedDirectoryIsRefused()
{
    QFETCH(const bool, isCopyFirst);
    constexpr int original = 4;
    constexpr int copy = kMachines;
    const int first = isCopyFirst ? copy : original;
    const int second = isCopyFirst ? original : copy;
    QCOMPARE(m_cluster->node(original).terminate(), 0);
    const QString from = m_cluster->node(original).dataDirectory();
    const QString to = m_cluster->node(copy).dataDirectory();
    QVERIFY(QDir().mkpath(to));
    QVERIFY(QFile::copy(from + QStringLiteral("/storage.db"), to + QStringLiteral("/storage.db")));

    const std::vector<int> members{0, 1, 2, 3, first};
    QVERIFY(m_cluster->startNode(first));
    QVERIFY(m_cluster->waitForMembers(members, members));
    QVERIFY(m_cluster->startNode(second));
    const auto isTold = [&](int machine) {
        return m_cluster->node(machine).log().contains("one data directory is a copy of the other");
    };
    QVERIFY(test::waitUntil([&] { return isTold(second); }, 30'000));
    // Who has met it first has proved it wrong: it may ask nobody else.
    QVERIFY(
        test::waitUntil([&] { return isTold(0) || isTold(1) || isTold(2) || isTold(3); }, 30'000));
    QVERIFY(m_cluster->waitForLinks({first}));
    QVERIFY(m_cluster->waitForMembers(members, members));
    QCOMPARE(m_cluster->ask(second, "PUT", "/key/k2?w=2&timeout=300", R"({"value":1})").status,
             503);
}

int main(int argc, char **argv)
{
    const QString whyNot = test::takeOwnNetwork();
    const QCoreApplication app(argc, argv);
    TestNamespaces test(whyNot);
    return QTest::qExec(&test, argc, argv);
}

#include "tst_namespaces.moc"
