// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"
#include "daemon/cluster/node_service.h"
#include "daemon/cluster/persisted_state_codec.h"
#include "daemon/storage/storage_worker.h"
#include "daemon/store/table.h"
#include "tests/daemon/cluster/raw_peer.h"

#include <QTemporaryDir>
#include <QtTest>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

using namespace dynakv;
using namespace dynakv::cluster;
using core::WriteOutcome;

namespace {

/// Outcomes as they come on the node thread.
class Answers
{
public:
    core::Coordinator::Completion one()
    {
        return [this](WriteOutcome outcome) {
            const std::lock_guard lock(m_mutex);
            m_outcomes.push_back(std::move(outcome));
        };
    }
    std::vector<WriteOutcome> all() const
    {
        const std::lock_guard lock(m_mutex);
        return m_outcomes;
    }
    std::size_t count() const { return all().size(); }

private:
    mutable std::mutex m_mutex;
    std::vector<WriteOutcome> m_outcomes;
};

/// Holds the storage thread until it is opened, as a slow disk does.
class Gate
{
public:
    explicit Gate(storage::StorageWorker &storage)
    {
        storage.runBetweenCommits([state = m_state] {
            std::unique_lock lock(state->mutex);
            state->changed.wait(lock, [&] { return state->isOpen; });
        });
    }
    ~Gate() { open(); }
    void open()
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->isOpen = true;
        m_state->changed.notify_all();
    }

private:
    struct State
    {
        std::mutex mutex;
        std::condition_variable changed;
        bool isOpen = false;
    };
    std::shared_ptr<State> m_state = std::make_shared<State>(); ///< The waiting thread's as well.
};

quint16 nextApiPort()
{
    static quint16 port = 100; // Only a name here: nobody listens on it.
    return ++port;
}

/// A node without its REST side.
class TestNode
{
public:
    explicit TestNode(core::Durability durability = core::Durability::Memory,
                      const QString &directory = {})
        : storage(storage::realFileSystem(), table, durability)
    {
        if (!storage.open(directory))
            qFatal("the storage does not open");
    }
    base::Result<void> start(const TestNode *seed = nullptr, quint16 clusterPort = 0)
    {
        NodeServiceConfig config;
        config.node.api = api;
        config.node.cluster = {"127.0.0.1", clusterPort};
        config.node.durability = storage.durability();
        config.node.programVersion = "test";
        const auto stored = storage.metas().find(kStateMetaName.toByteArray());
        if (stored != storage.metas().end())
            config.state = decodeState(stored->second).value();
        if (seed)
            config.node.join = {{seed->api, {"127.0.0.1", seed->service->clusterPort()}}};
        service = std::make_unique<NodeService>(std::move(config), table, storage);
        return service->start();
    }
    bool isReady() const { return service->clusterView()->readiness == core::Readiness::Ready; }
    /// Ready, and the first writes are past what a node does only once. Leaves the key "first".
    bool takesWrites(core::WriteConcern concern = {})
    {
        return QTest::qWaitFor(
            [this, concern] {
                const auto first = std::make_shared<Answers>();
                core::WriteRequest request;
                request.key = "first";
                request.value = "1";
                request.concern = concern;
                service->submit(std::move(request),
                                [first, answer = first->one()](WriteOutcome outcome) {
                                    answer(std::move(outcome));
                                });
                return QTest::qWaitFor([&] { return first->count() == 1; }, 5000) &&
                       first->all()[0].status == WriteOutcome::Status::Done;
            },
            10'000);
    }
    int aliveMembers() const
    {
        int count = 0;
        for (const core::MemberView &each : service->clusterView()->members)
            count += each.state == core::MemberState::Alive ? 1 : 0;
        return count;
    }
    void put(const QByteArray &key, const QByteArray &value, core::WriteConcern concern = {},
             std::optional<core::Durability> durability = {})
    {
        core::WriteRequest request;
        request.durability = durability;
        request.key = key;
        request.value = value;
        request.concern = concern;
        service->submit(std::move(request), answers.one());
    }

    base::Endpoint api{"127.0.0.1", nextApiPort()};
    store::Table table;
    storage::StorageWorker storage;
    Answers answers; ///< Outlives the service, which answers what is left when it stops.
    std::unique_ptr<NodeService> service;
};

} // namespace

class TestNodeService : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aFounderTakesWrites();
    void aWriteMayAskForItsDurability();
    void threeNodesFormAClusterAndReplicate();
    void aNodeThatLeavesIsMissedAndComesBack();
    void theGenerationRisesWithEachStart();
    void aDirectoryThatMayLackSomethingTakesALeap();
    void aPortInUseIsToldAndLeavesNothingBehind();
    void strangersChangeNothing();
    void aPeerThatFloodsIsSlowedByTheDisk();
    void tooManyWritesAreRefusedAtOnce();
    void everyWriteIsAnsweredOnceThoughTheNodeStops();
    void aStopDoesNotWaitForAnAnswerForEver();
    void aServiceThatIsNotRunningRefuses();
};

void TestNodeService::aFounderTakesWrites()
{
    TestNode node;
    QVERIFY(node.start());
    QVERIFY(node.service->clusterPort() != 0);
    QVERIFY(node.takesWrites());
    QVERIFY(node.service->clusterView()->clusterId != 0);
    node.put("key", "1");
    QTRY_COMPARE(node.answers.count(), 1);
    const WriteOutcome outcome = node.answers.all()[0];
    QCOMPARE(outcome.status, WriteOutcome::Status::Done);
    QCOMPARE(outcome.acked, 1);
    QCOMPARE(node.table.find("key")->value, QByteArray("1"));
    QCOMPARE(node.table.find("key")->version, outcome.version);
}

/// Whatever was asked for, what is told is what held.
void TestNodeService::aWriteMayAskForItsDurability()
{
    QTemporaryDir directory;
    TestNode node(core::Durability::Interval, directory.path());
    QVERIFY(node.start());
    QVERIFY(node.takesWrites());
    using core::Durability;
    const std::optional<Durability> wishes[] = {Durability::Os, std::nullopt, Durability::Sync};
    const Durability held[] = {Durability::Os, Durability::Interval, Durability::Sync};
    for (int i = 0; i < 3; ++i) {
        node.put("key", "1", {}, wishes[i]);
        QTRY_COMPARE(node.answers.count(), std::size_t(i + 1));
        QCOMPARE(node.answers.all().back().status, WriteOutcome::Status::Done);
        QCOMPARE(node.answers.all().back().durability, held[i]);
    }
}

void TestNodeService::threeNodesFormAClusterAndReplicate()
{
    TestNode a;
    TestNode b;
    TestNode c;
    QVERIFY(a.start());
    QVERIFY(a.takesWrites());
    for (int i = 0; i < 100; ++i)
        a.put("before" + QByteArray::number(i), "1");
    QTRY_COMPARE(a.answers.count(), 100);
    QVERIFY(b.start(&a));
    QVERIFY(c.start(&b));
    for (TestNode *node : {&a, &b, &c}) {
        QTRY_VERIFY_WITH_TIMEOUT(node->isReady(), 15'000);
        QTRY_COMPARE_WITH_TIMEOUT(node->aliveMembers(), 3, 15'000);
        QCOMPARE(node->service->clusterView()->clusterId, a.service->clusterView()->clusterId);
    }
    // Ready and listed it may be before its own links stand.
    QVERIFY(c.takesWrites({core::WriteConcern::Kind::All, 0}));
    for (int i = 0; i < 100; ++i)
        c.put("after" + QByteArray::number(i), "2", {core::WriteConcern::Kind::All, 0});
    QTRY_COMPARE(c.answers.count(), 100);
    for (const WriteOutcome &outcome : c.answers.all()) {
        QCOMPARE(outcome.status, WriteOutcome::Status::Done);
        QCOMPARE(outcome.acked, 3);
    }
    for (TestNode *node : {&a, &b, &c}) {
        QTRY_COMPARE_WITH_TIMEOUT(node->table.recordCount(), 201, 15'000);
        // Equal only if each tree was keyed anew when its node adopted the cluster.
        QTRY_COMPARE(node->table.treeRoots(), a.table.treeRoots());
    }
}

void TestNodeService::aNodeThatLeavesIsMissedAndComesBack()
{
    TestNode a;
    TestNode b;
    QVERIFY(a.start());
    QVERIFY(a.takesWrites());
    QVERIFY(b.start(&a));
    QTRY_COMPARE_WITH_TIMEOUT(a.aliveMembers(), 2, 15'000);
    const quint16 port = b.service->clusterPort();
    QTRY_COMPARE_WITH_TIMEOUT(b.aliveMembers(), 2, 15'000);
    b.service->stop();
    QCOMPARE(b.service->clusterView()->readiness, core::Readiness::Stopping);
    QTRY_COMPARE_WITH_TIMEOUT(a.aliveMembers(), 1, 15'000);
    a.put("meanwhile", "3");
    // The memory-only node is a new one on the old port; the cluster takes it in.
    QVERIFY(b.start(&a, port));
    QTRY_COMPARE_WITH_TIMEOUT(a.aliveMembers(), 2, 30'000);
    QTRY_VERIFY_WITH_TIMEOUT(b.table.find("meanwhile").has_value(), 30'000);
}

void TestNodeService::theGenerationRisesWithEachStart()
{
    QTemporaryDir directory;
    core::NodeId id = 0;
    for (quint64 start = 1; start <= 3; ++start) {
        TestNode node(core::Durability::Os, directory.path());
        QVERIFY(node.start());
        QVERIFY(node.takesWrites()); // Before its cluster is stored it greets nobody.
        RawPeer peer(node.service->clusterPort());
        QTRY_COMPARE(peer.count<core::Hello>(), 1);
        const auto hello = std::get<core::Hello>(peer.messages()[0]);
        QCOMPARE(hello.generation, start);
        if (start == 1)
            id = hello.node;
        QCOMPARE(hello.node, id);
    }
    TestNode after(core::Durability::Os, directory.path());
    const auto state = decodeState(after.storage.metas().at("state"));
    QCOMPARE(state->node, id);
    QCOMPARE(state->generation, 3);
    QVERIFY(state->clusterId != 0);
}

/// Stored before anybody is greeted, and kept until it is repaired.
void TestNodeService::aDirectoryThatMayLackSomethingTakesALeap()
{
    QTemporaryDir directory;
    core::PersistedState state;
    state.node = 0x77;
    state.generation = 5;
    state.clusterId = 0xc1;
    state.caughtUpOnce = true;
    const auto mayLack = [&directory] {
        TestNode node(core::Durability::Os, directory.path());
        return decodeState(node.storage.metas().at("state"))->mayLack;
    };
    {
        TestNode node(core::Durability::Os, directory.path());
        state.mayLack = true;
        // A member that nobody finds: it stays fenced.
        state.members = {
            {0x99, 1, 0, core::MemberState::Alive, {"127.0.0.1", 1}, {"127.0.0.1", 1}}};
        NodeServiceConfig config;
        config.node.api = node.api;
        config.node.cluster = {"127.0.0.1", 0};
        config.state = state;
        node.service = std::make_unique<NodeService>(config, node.table, node.storage);
        QVERIFY(node.service->start());
        RawPeer peer(node.service->clusterPort());
        QTRY_COMPARE(peer.count<core::Hello>(), 1);
        QCOMPARE(std::get<core::Hello>(peer.messages()[0]).generation, 5 + (quint64{1} << 20));
        QTest::qWait(200);
        QVERIFY(!node.isReady());
    }
    QVERIFY(mayLack());
    {
        TestNode node(core::Durability::Os, directory.path());
        state = decodeState(node.storage.metas().at("state")).value();
        QCOMPARE(state.generation, 5 + (quint64{1} << 20));
        state.members.clear(); // Now it is the only one.
        NodeServiceConfig config;
        config.node.api = node.api;
        config.node.cluster = {"127.0.0.1", 0};
        config.state = state;
        node.service = std::make_unique<NodeService>(config, node.table, node.storage);
        QVERIFY(node.service->start());
        QTRY_VERIFY(node.isReady());
        QVERIFY(node.takesWrites());
    }
    QVERIFY(!mayLack());
}

void TestNodeService::aPortInUseIsToldAndLeavesNothingBehind()
{
    TestNode a;
    TestNode b;
    QVERIFY(a.start());
    const auto result = b.start(nullptr, a.service->clusterPort());
    QVERIFY(!result);
    QCOMPARE(result.error().code, base::ErrorCode::Busy);
    QVERIFY(result.error().message.contains("--cluster-port"));
    b.service->stop();
    QVERIFY(b.start());
    QTRY_VERIFY(b.isReady());
}

void TestNodeService::strangersChangeNothing()
{
    TestNode node;
    QVERIFY(node.start());
    QVERIFY(node.takesWrites());
    // It holds a record now: an empty founder would rightly join whoever has a cluster.
    const quint16 port = node.service->clusterPort();
    const auto before = node.service->clusterView();

    QByteArray push = encodeMessage(core::Push{1, {{"planted", {}, {1, 1}, 0, {}, {}, "1"}}});
    const QByteArray hostile[] = {
        "GET /v1/keys HTTP/1.1\r\n\r\n",
        QByteArray(100'000, '\xff'),
        kPreamble.toByteArray() + QByteArray::fromHex("ffffffff"),
        kPreamble.toByteArray() + push,
        kPreamble.toByteArray() +
            QByteArray::fromHex("00000ffe0100"), // Half a frame, then silence.
        {},
    };
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (const QByteArray &bytes : hostile) {
        peers.push_back(std::make_unique<RawPeer>(port));
        QVERIFY(peers.back()->waitUntilConnected());
        peers.back()->write(bytes);
    }
    // One that introduces itself as a member of some other cluster and then pushes.
    RawPeer foreigner(port);
    core::Hello hello;
    hello.node = 5;
    hello.generation = 1;
    hello.bootId = 3;
    hello.clusterId = 99;
    hello.memberCount = 3;
    hello.apiPort = hello.clusterPort = 9;
    foreigner.write(kPreamble);
    foreigner.send(hello);
    foreigner.write(push);
    QTRY_VERIFY(foreigner.isClosed());
    for (const auto &peer : peers)
        QTRY_VERIFY_WITH_TIMEOUT(peer->isClosed(), 10'000);

    QCOMPARE(node.table.recordCount(), 1);
    const auto after = node.service->clusterView();
    QCOMPARE(after->members.size(), before->members.size());
    QCOMPARE(after->clusterId, before->clusterId);
    node.put("key", "1");
    QTRY_COMPARE(node.answers.count(), 1);
    QCOMPARE(node.answers.all()[0].status, WriteOutcome::Status::Done);
}

// While the disk stands still, a peer's records wait in its own kernel, not in our memory.
void TestNodeService::aPeerThatFloodsIsSlowedByTheDisk()
{
    TestNode a;
    TestNode b;
    QVERIFY(a.start());
    QVERIFY(b.start(&a));
    QTRY_COMPARE_WITH_TIMEOUT(b.aliveMembers(), 2, 15'000);
    QVERIFY(b.takesWrites());
    QTRY_COMPARE_WITH_TIMEOUT(a.table.recordCount(), 1, 15'000);
    constexpr int kCount = 60;
    {
        Gate gate(a.storage);
        for (int i = 0; i < kCount; ++i)
            b.put("big" + QByteArray::number(i), QByteArray(1 << 20, 'b'));
        QTRY_COMPARE_WITH_TIMEOUT(b.table.recordCount(), kCount + 1, 15'000);
        QVERIFY(a.table.recordCount() == 1);
    }
    // What was dropped on the way is found by comparing.
    QTRY_COMPARE_WITH_TIMEOUT(a.table.recordCount(), kCount + 1, 60'000);
}

void TestNodeService::tooManyWritesAreRefusedAtOnce()
{
    TestNode node;
    QVERIFY(node.start());
    QVERIFY(node.takesWrites());
    {
        Gate gate(node.storage);
        const QByteArray value(qsizetype{1} << 20, 'v');
        for (int i = 0; i < 70; ++i)
            node.put(QByteArray::number(i), value);
        QVERIFY(node.answers.count() >= 6); // Before put() returned.
        for (const WriteOutcome &outcome : node.answers.all()) {
            QCOMPARE(outcome.status, WriteOutcome::Status::NotReady);
            QCOMPARE(outcome.detail, QByteArray("overloaded"));
        }
    }
    QTRY_COMPARE(node.answers.count(), 70);
    {
        Gate gate(node.storage);
        for (int i = 0; i < 10'100; ++i)
            node.put(QByteArray::number(i), "1");
        QVERIFY(node.answers.count() >= 70 + 100);
    }
    QTRY_COMPARE_WITH_TIMEOUT(node.answers.count(), 70 + 10'100, 60'000);
    node.put("after", "1");
    QTRY_COMPARE(node.answers.count(), 70 + 10'101);
    QCOMPARE(node.answers.all().back().status, WriteOutcome::Status::Done);
}

void TestNodeService::everyWriteIsAnsweredOnceThoughTheNodeStops()
{
    TestNode node;
    QVERIFY(node.start());
    QVERIFY(node.takesWrites());
    constexpr int kWriters = 3;
    constexpr int kWrites = 3000;
    std::vector<std::thread> writers;
    for (int w = 0; w < kWriters; ++w) {
        writers.emplace_back([&node, w] {
            for (int i = 0; i < kWrites; ++i)
                node.put(QByteArray::number(w) + "/" + QByteArray::number(i), "1");
        });
    }
    QTRY_VERIFY(node.answers.count() > 100);
    node.service->stop();
    for (std::thread &writer : writers)
        writer.join();
    QCOMPARE(node.answers.count(), std::size_t{kWriters} * kWrites);
    qint64 done = 0;
    qint64 unknown = 0; // "May still take effect": where the stop had to wait too long.
    for (const WriteOutcome &outcome : node.answers.all()) {
        done += outcome.status == WriteOutcome::Status::Done ? 1 : 0;
        unknown += outcome.status == WriteOutcome::Status::TooFewReplicas ? 1 : 0;
    }
    QVERIFY(done >= 100);
    const qint64 records = node.table.recordCount();
    QVERIFY2(records > done && records <= done + 1 + unknown,
             QByteArray::number(records).constData());
}

void TestNodeService::aStopDoesNotWaitForAnAnswerForEver()
{
    TestNode node;
    QVERIFY(node.start());
    QVERIFY(node.takesWrites());
    Gate gate(node.storage);
    node.put("key", "1");
    std::thread stopper([&node] { node.service->stop(); });
    QTRY_COMPARE_WITH_TIMEOUT(node.answers.count(), 1, 5000);
    gate.open();
    stopper.join();
    QCOMPARE(node.answers.all()[0].status, WriteOutcome::Status::TooFewReplicas);
    QVERIFY(node.answers.all()[0].detail.contains("may still"));
    node.service->stop();
}

void TestNodeService::aServiceThatIsNotRunningRefuses()
{
    TestNode node;
    node.service = std::make_unique<NodeService>(NodeServiceConfig{}, node.table, node.storage);
    QVERIFY(node.service->clusterView());
    node.put("key", "1");
    node.service->stop();
    node.put("key", "1");
    QCOMPARE(node.answers.count(), 2);
    for (const WriteOutcome &outcome : node.answers.all())
        QCOMPARE(outcome.status, WriteOutcome::Status::NotReady);
    QCOMPARE(node.table.recordCount(), 0);
}

QTEST_GUILESS_MAIN(TestNodeService)
#include "tst_node_service.moc"
