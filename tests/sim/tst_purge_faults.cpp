// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/purge_watermark.h"
#include "tests/sim/real_store.h"
#include "tests/sim/real_wire.h"
#include "tests/sim/sim_cluster.h"

#include <QLoggingCategory>
#include <QTest>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

using namespace dynakv;
using core::MemberState;
using sim::SimCluster;

namespace {

constexpr int kNodes = 5;
constexpr int kRounds = 6;
constexpr int kOperations = 120; ///< In each round, before it is calm for a while.
constexpr int kKeys = 40;
constexpr quint64 kRealPartsEvery =
    5;                          ///< Of so many seeds one has the daemon's table, file and frames.
constexpr int kDisksHarmed = 2; ///< As many as a quorum of five can do without.

struct Counts
{
    std::map<QByteArray, int> faults = {};
    qint64 purged = 0;
    qint64 deletes = 0;
};

class Run
{
public:
    Run(quint64 seed, Counts &counts)
        : m_hasRealParts(seed % kRealPartsEvery == 0)
        , m_cluster(seed)
        , m_counts(counts)
    {
    }
    /// What is wrong; empty if nothing is.
    QByteArray go();
    [[nodiscard]] const SimCluster &cluster() const { return m_cluster; }

private:
    int anyNode() { return static_cast<int>(m_cluster.random().below(kNodes)); }
    bool form();
    void operate();
    void strike();
    void replace();
    void harmDisk();
    void keepDisk();
    void calm();
    QByteArray violation();
    [[nodiscard]] QByteArray describe(int node, const sim::Told &told) const;

    bool m_hasRealParts;
    SimCluster m_cluster;
    Counts &m_counts;
    int m_number = 0;
    int m_harmed = 0;
    std::optional<std::pair<int, SimCluster::KeptDisk>> m_kept; ///< Whose disk, as it once was.
    bool m_isReplaced = false;
};

bool Run::form()
{
    for (int node = 0; node < kNodes; ++node) {
        m_cluster.addNode(node == 0 ? std::vector<int>{} : std::vector{0});
        if (m_hasRealParts)
            m_cluster.setStore(node, std::make_unique<sim::RealStore>());
    }
    for (int node = 0; node < kNodes; ++node)
        m_cluster.start(node);
    if (m_hasRealParts) {
        const auto wire = std::make_shared<sim::RealWire>(m_cluster.random().next());
        m_cluster.setCarry([wire](core::LinkId link, const core::Message &message) {
            return wire->carry(link, message);
        });
        ++m_counts.faults["the daemon's table, file and frames"];
    }
    return m_cluster.runUntil(
        10'000, [this] { return m_cluster.allReady() && m_cluster.membershipsAgree(); });
}

void Run::operate()
{
    core::Random &random = m_cluster.random();
    const int node = anyNode();
    const bool isKept = random.below(3) == 0; // Of such a key nothing is ever deleted.
    const QByteArray key = (isKept ? "kept" : "k") + QByteArray::number(random.below(kKeys));
    core::WriteRequest write{key, core::RecordKind::Value, QByteArray::number(++m_number)};
    write.concern = {core::WriteConcern::Kind::Quorum};
    const quint64 kind = random.below(5);
    if (isKept)
        write.value += "kept";
    else if (kind <= 1)
        write = {key, core::RecordKind::Tombstone, {}, {}, {}, write.concern};
    else if (kind == 2)
        write.ttlMs = static_cast<qint64>(random.below(10'000)) + 1;
    m_cluster.write(node, write);
}

void Run::strike()
{
    core::Random &random = m_cluster.random();
    const int node = anyNode();
    const int other =
        static_cast<int>((static_cast<quint64>(node) + 1 + random.below(kNodes - 1)) % kNodes);
    const auto did = [this](const char *what) { ++m_counts.faults[what]; };
    switch (random.below(12)) {
    case 0:
    case 1:
        if (m_cluster.isRunning(node)) {
            random.below(2) == 0 ? m_cluster.crash(node) : m_cluster.vanish(node);
            did("crash");
        }
        break;
    case 2:
        m_cluster.setPaused(node, true);
        did("pause");
        break;
    case 3:
        m_cluster.setCutBothWays(node, other, true);
        did("cut");
        break;
    case 4:
        m_cluster.setCut(node, other, true);
        did("one-way cut");
        break;
    case 5:
        m_cluster.setWallOffset(node, static_cast<qint64>(random.below(20'000)) - 10'000);
        did("clock jump");
        break;
    case 6:
        if (m_cluster.isRunning(node)) {
            m_cluster.compact(node);
            did("compaction");
        }
        break;
    case 7:
        m_cluster.mendAll();
        did("mend");
        break;
    case 8:
        for (int each = 0; each < kNodes; ++each) {
            m_cluster.setPaused(each, false);
            if (!m_cluster.isRunning(each))
                m_cluster.start(each);
        }
        did("restart");
        break;
    case 9:
        m_cluster.resetLinks(node, other);
        did("reset");
        break;
    case 10:
        m_cluster.setDiskFull(node, true);
        did("full disk");
        break;
    case 11:
        keepDisk();
        break;
    }
}

/// As a snapshot of the machine does.
void Run::keepDisk()
{
    const int node = anyNode();
    if (!m_kept)
        m_kept = std::pair(node, m_cluster.keptDisk(node));
}

/// The machine dies, and with it the end of its file, or it comes back as it once was.
void Run::harmDisk()
{
    if (m_harmed == kDisksHarmed)
        return;
    const bool isPutBack = m_kept && m_cluster.random().below(2) == 0;
    const int node = isPutBack ? m_kept->first : anyNode();
    if (m_cluster.isRunning(node))
        m_cluster.crash(node);
    if (isPutBack) {
        m_cluster.putBack(node, m_kept->second);
        m_kept.reset();
        ++m_harmed;
        ++m_counts.faults["older disk"];
        return;
    }
    const size_t writes = m_cluster.diskWrites(node);
    m_cluster.cutDisk(node, writes - m_cluster.random().below(writes / 2));
    ++m_harmed;
    ++m_counts.faults["harmed disk"];
}

/// Everybody is back and sees everybody, for long enough to purge.
void Run::calm()
{
    m_cluster.mendAll();
    for (int node = 0; node < kNodes; ++node) {
        m_cluster.setPaused(node, false);
        m_cluster.setWallOffset(node, 0);
        m_cluster.setDiskFull(node, false);
        if (!m_cluster.isRunning(node))
            m_cluster.start(node);
    }
    m_cluster.run(static_cast<qint64>(m_cluster.random().below(150'000)));
}

/// A member is given up, and its machine comes back empty.
void Run::replace()
{
    const int node = anyNode();
    const int asked = (node + 1) % kNodes;
    const core::NodeId id = m_cluster.idOf(node);
    if (m_cluster.isRunning(node))
        m_cluster.crash(node);
    const bool isDown = m_cluster.runUntil(60'000, [&] {
        const core::ClusterView view = m_cluster.view(asked);
        return std::any_of(view.members.begin(), view.members.end(), [id](const auto &each) {
            return each.id == id && each.state == MemberState::Down;
        });
    });
    if (!isDown)
        return;
    m_kept.reset(); // It may be of the member that is given up.
    m_cluster.operate(asked, {core::OperatorRequest::Kind::Forget, id});
    m_cluster.wipe(node);
    m_cluster.setJoin(node, {asked});
    m_cluster.start(node);
    m_isReplaced = true;
    ++m_counts.faults["replaced"];
}

QByteArray Run::describe(int node, const sim::Told &told) const
{
    QByteArray text = "version " + told.outcome.version.toString() + ", kind " +
                      QByteArray::number(static_cast<int>(told.kind)) + ", may expire " +
                      QByteArray::number(told.mayExpire ? 1 : 0) + ", at node " +
                      QByteArray::number(node) + ";";
    for (int each = 0; each < kNodes; ++each) {
        const auto held = m_cluster.records(each).find(told.key);
        text += " node " + QByteArray::number(each) + " has purged up to " +
                core::Version{m_cluster.diskState(each).watermark, 0}.toString() + " and holds " +
                (held ? held->version.toString() : QByteArray("nothing"));
    }
    return text;
}

/// Deleted is what was deleted last, or has expired; all else is there. Never a value that nobody
/// wrote.
QByteArray Run::violation()
{
    if (!m_cluster.wrongAnswer().isEmpty())
        return m_cluster.wrongAnswer();
    std::map<QByteArray, const sim::Told *> winners;
    std::set<QByteArray> maybeDead; // By a write whose outcome nobody was told.
    for (const sim::Told &told : m_cluster.allTold()) {
        using Status = core::WriteOutcome::Status;
        const bool isUnknown = !told.isAnswered || told.outcome.status == Status::TooFewReplicas ||
                               told.outcome.status == Status::Failed;
        if (isUnknown && (told.kind == core::RecordKind::Tombstone || told.mayExpire))
            maybeDead.insert(told.key);
        if (!told.isAnswered || told.outcome.status != Status::Done)
            continue;
        m_counts.deletes += told.kind == core::RecordKind::Tombstone ? 1 : 0;
        const sim::Told *&winner = winners[told.key];
        if (winner == nullptr || winner->outcome.version < told.outcome.version)
            winner = &told;
    }
    for (int node = 0; node < kNodes; ++node) {
        const quint64 watermark = m_cluster.diskState(node).watermark;
        for (const auto &[key, winner] : winners) {
            const auto held = m_cluster.records(node).find(key);
            const bool isDead = winner->kind == core::RecordKind::Tombstone || winner->mayExpire;
            const bool mayBePurged =
                maybeDead.contains(key) || (isDead && winner->outcome.version.clock <= watermark);
            if (!held && !mayBePurged)
                return "an acknowledged write to " + key +
                       " is missing: " + describe(node, *winner);
            if (held && held->version < winner->outcome.version)
                return "an acknowledged write to " + key + " lost to an older one";
            if (held && held->version == winner->outcome.version &&
                (held->kind != winner->kind || held->value != winner->value))
                return "the value of " + key + " was never written with that version";
        }
    }
    return {};
}

QByteArray Run::go()
{
    m_cluster.setPurgeDelay(2000);
    if (!form())
        return "the cluster did not form";
    for (int round = 0; round < kRounds; ++round) {
        for (int i = 0; i < kOperations; ++i) {
            operate();
            m_cluster.run(static_cast<qint64>(m_cluster.random().below(200)));
            if (m_cluster.random().below(25) == 0)
                strike();
        }
        if (m_cluster.random().below(3) == 0)
            harmDisk();
        calm();
        if (round == kRounds / 2 && m_cluster.random().below(2) == 0 && m_cluster.allReady() &&
            m_cluster.membershipsAgree() && m_cluster.recordsAgree())
            replace();
    }
    calm();
    // A comparison with each, then the word of it to all: once more, and with room.
    const bool isPurged = m_cluster.runUntil(300'000, [&] {
        if (!m_cluster.allReady() || !m_cluster.membershipsAgree() || !m_cluster.recordsAgree())
            return false;
        for (int node = 0; node < kNodes; ++node) {
            for (const auto &[key, record] : m_cluster.records(node).all()) {
                if (record.kind == core::RecordKind::Tombstone || record.expiresAtMs != 0)
                    return false;
            }
        }
        return true;
    });
    m_counts.purged += m_cluster.purged();
    m_cluster.checkStores();
    const QByteArray wrong = violation();
    if (!wrong.isEmpty() || isPurged)
        return wrong;
    QByteArray text = "it did not purge all;";
    for (int node = 0; node < kNodes; ++node) {
        const core::ClusterView view = m_cluster.view(node);
        text += " node " + QByteArray::number(node) + " is " +
                QByteArray::number(static_cast<int>(view.readiness)) + ' ' + view.detail +
                " and purged up to " +
                QByteArray::number(m_cluster.wallMs(node) - view.purgedUpToMs) + " ms ago,";
    }
    return text + " and differ in " + m_cluster.difference();
}

} // namespace

/// Random faults while much is deleted and expires: nothing deleted comes back, nothing else goes,
/// and in the end nothing dead is left.
class TestPurgeFaults : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whatIsDeletedStaysDeleted();
};

void TestPurgeFaults::whatIsDeletedStaysDeleted()
{
    QLoggingCategory::setFilterRules(
        QStringLiteral("dynakv.storage.engine=false")); // Of its death.
    const int seeds = qEnvironmentVariableIsSet("DYNAKV_SIM_SEEDS")
                          ? std::max(1, qEnvironmentVariableIntValue("DYNAKV_SIM_SEEDS"))
                          : 100;
    const int first = std::max(1, qEnvironmentVariableIntValue("DYNAKV_SIM_FIRST"));
    Counts counts;
    for (int seed = first; seed < first + seeds; ++seed) {
        Run run(static_cast<quint64>(seed), counts);
        const QByteArray wrong = run.go();
        if (!wrong.isEmpty()) {
            const auto &log = run.cluster().log();
            for (size_t i = log.size() > 200 ? log.size() - 200 : 0; i < log.size(); ++i)
                qInfo("%s", log[i].constData());
        }
        QVERIFY2(wrong.isEmpty(),
                 qPrintable(QStringLiteral("seed %1: %2").arg(seed).arg(QString::fromUtf8(wrong))));
    }
    QVERIFY(counts.purged > 0);
    for (const char *what : {"crash", "pause", "cut", "one-way cut", "clock jump", "compaction",
                             "reset", "full disk", "harmed disk", "older disk", "replaced"})
        QVERIFY2(counts.faults[what] > 0, what);
    for (const auto &[what, count] : counts.faults)
        qInfo("%d times: %s", count, what.constData());
    qInfo("%lld deletes acknowledged, %lld records purged", static_cast<long long>(counts.deletes),
          static_cast<long long>(counts.purged));
}

QTEST_APPLESS_MAIN(TestPurgeFaults)
#include "tst_purge_faults.moc"
