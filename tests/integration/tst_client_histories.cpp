// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QRandomGenerator>
#include <QTest>

#include <array>
#include <optional>
#include <set>

using namespace dynakv;
using test::Cluster;
using test::HttpAnswer;
using test::RestProbe;

namespace {

constexpr int kNodes = 3;
constexpr int kClients = 6;
constexpr int kKeysOfAClient = 6;
constexpr int kPatienceMs = 1500; ///< Then a client gives up, as it would on a node that stands.
constexpr int kSteps = 24;

/// What one client knows of one of its keys, which nobody else writes.
struct Known
{
    QByteArray version;     ///< Of the newest write that it knows to have happened; empty: none.
    int number = 0;         ///< That write's; 0: it was a delete, or there was none.
    std::set<int> unknown;  ///< Writes that nobody answered for: they may happen at any time.
    bool maybeGone = false; ///< So may a delete.
};

/// A client with one request on its way, which remembers what it was told.
class Client
{
public:
    Client(int id, QRandomGenerator &random)
        : m_prefix("c" + QByteArray::number(id) + '-')
        , m_random(random)
    {
    }

    void step(Cluster &cluster);
    /// What is on its way ends unanswered.
    void giveUp();
    /// What a node lists in the end: version and value of each key.
    void compare(const QMap<QByteArray, std::pair<QByteArray, QByteArray>> &listed);

    [[nodiscard]] const QByteArray &prefix() const { return m_prefix; }
    [[nodiscard]] const QByteArray &fault() const { return m_fault; }
    [[nodiscard]] int acknowledged() const { return m_acknowledged; }
    [[nodiscard]] int read() const { return m_read; }

private:
    enum class Kind { Put, Delete, Read, AnyRead };

    void begin(Cluster &cluster);
    void take(const HttpAnswer &answer);
    void takeWrite(const HttpAnswer &answer);
    void found(const QByteArray &version, const QByteArray &value);
    void foundNothing();
    void fail(const QByteArray &what);
    [[nodiscard]] QByteArray key() const { return m_prefix + QByteArray::number(m_index); }
    [[nodiscard]] Known &known() { return m_keys.at(static_cast<std::size_t>(m_index)); }

    QByteArray m_prefix;
    QRandomGenerator &m_random;
    std::vector<Known> m_keys{kKeysOfAClient}; ///< The last ones are in use.
    std::optional<test::Exchange> m_request;
    QElapsedTimer m_since;
    Kind m_kind = Kind::Put; ///< Of the request, as the next two.
    int m_index = 0;
    int m_number = 0;
    int m_lastNumber = 0;
    int m_acknowledged = 0;
    int m_read = 0;
    QByteArray m_fault;
};

void Client::fail(const QByteArray &what)
{
    const Known &each = known();
    if (m_fault.isEmpty()) {
        m_fault = key() + ": " + what + "; it knows " + QByteArray::number(each.number) + " of " +
                  each.version + ", unknown " + QByteArray::number(each.unknown.size()) +
                  (each.maybeGone ? " and a delete" : "");
    }
}

void Client::step(Cluster &cluster)
{
    if (m_request && m_request->isOver()) {
        const HttpAnswer answer = m_request->finish();
        m_request.reset();
        take(answer);
    } else if (m_request && m_since.hasExpired(kPatienceMs)) {
        giveUp();
    }
    if (!m_request)
        begin(cluster);
}

void Client::giveUp()
{
    if (m_request)
        take({});
    m_request.reset();
}

void Client::begin(Cluster &cluster)
{
    const RestProbe rest = cluster.rest(m_random.bounded(kNodes)); // Dead ones, too.
    m_index = static_cast<int>(m_keys.size()) - 1 - m_random.bounded(kKeysOfAClient);
    const QByteArray target = "/key/" + key();
    const QByteArray concern = m_random.bounded(2) == 0 ? "?w=quorum&timeout=1000" : "";
    const int dice = m_random.bounded(10);
    m_kind = dice < 4 ? Kind::Put : dice < 6 ? Kind::Delete : dice < 9 ? Kind::Read : Kind::AnyRead;
    m_since.start();
    switch (m_kind) {
    case Kind::Put:
        m_number = ++m_lastNumber;
        m_request.emplace(
            rest.begin("PUT", target + concern,
                       "{\"value\":\"" + key() + '=' + QByteArray::number(m_number) + "\"}"));
        break;
    case Kind::Delete:
        m_request.emplace(rest.begin("DELETE", target + concern));
        break;
    case Kind::Read: {
        const QByteArray &version = known().version;
        m_request.emplace(
            rest.begin("GET", target + "?timeout=1000", {},
                       version.isEmpty() ? "" : "DynaKV-At-Least: " + version + "\r\n"));
        break;
    }
    case Kind::AnyRead:
        m_request.emplace(rest.begin("GET", target));
        break;
    }
}

void Client::take(const HttpAnswer &answer)
{
    if (m_kind == Kind::Put || m_kind == Kind::Delete)
        return takeWrite(answer);
    if (answer.status != 200 && answer.status != 404)
        return; // None, or a node that cannot tell.
    ++m_read;
    const QByteArray value = answer.object().value(QLatin1String("value")).toString().toUtf8();
    if (m_kind == Kind::AnyRead) {
        if (answer.status == 200 && !value.startsWith(key() + '='))
            fail("a value that was never written: " + answer.body);
        return;
    }
    if (answer.status == 404)
        return foundNothing();
    const auto tag = answer.headers.find("etag");
    found(tag == answer.headers.end() ? QByteArray() : tag->second.mid(1).chopped(1), value);
}

void Client::takeWrite(const HttpAnswer &answer)
{
    Known &each = known();
    const bool isPut = m_kind == Kind::Put;
    if (answer.status != 200) {
        if (isPut)
            each.unknown.insert(m_number);
        // From now on little can be said of this key until the end.
        if (!isPut && !std::exchange(each.maybeGone, true))
            m_keys.emplace_back();
        return;
    }
    ++m_acknowledged;
    const QByteArray version =
        answer.object().value(QLatin1String("version")).toString().toLatin1();
    // A node stamps above all that it holds, but it need not hold what another one took alone.
    if (version < each.version)
        return;
    each.version = version;
    each.number = isPut ? m_number : 0;
}

/// As new as what it knows, and then exactly that, or a write that nobody answered for.
void Client::found(const QByteArray &version, const QByteArray &value)
{
    Known &each = known();
    const int number = value.mid(value.indexOf('=') + 1).toInt();
    if (!value.startsWith(key() + '=') || number == 0)
        return fail("a value that was never written: " + value);
    if (version < each.version)
        return fail("older than what it knew: " + version);
    if (version == each.version ? number != each.number : !each.unknown.contains(number))
        return fail("not what was written last: " + value + " of " + version);
    each.version = version;
    each.number = number;
    each.unknown.erase(number);
}

void Client::foundNothing()
{
    const Known &each = known();
    if (each.number != 0 && !each.maybeGone)
        fail("nothing, where there is a value");
}

void Client::compare(const QMap<QByteArray, std::pair<QByteArray, QByteArray>> &listed)
{
    for (m_index = 0; m_index < static_cast<int>(m_keys.size()); ++m_index) {
        const auto it = listed.find(key());
        if (it == listed.end())
            foundNothing();
        else
            found(it->first, it->second);
    }
}

QMap<QByteArray, std::pair<QByteArray, QByteArray>> listedBy(const RestProbe &rest,
                                                             const QByteArray &prefix)
{
    QMap<QByteArray, std::pair<QByteArray, QByteArray>> listed;
    const QJsonObject page = rest.get("/v1/keys?values=true&limit=1000&prefix=" + prefix).object();
    for (const QJsonValue each : page.value(QLatin1String("keys")).toArray()) {
        listed[each[QLatin1String("key")].toString().toUtf8()] = {
            each[QLatin1String("version")].toString().toLatin1(),
            each[QLatin1String("value")].toString().toUtf8()};
    }
    return listed;
}

int stepsWanted()
{
    bool isNumber = false;
    const int steps = qEnvironmentVariableIntValue("DYNAKV_STEPS", &isNumber);
    return isNumber && steps > 0 ? steps : kSteps;
}

} // namespace

/// Clients that remember what they were told, against nodes that die, stand still and come back.
class TestClientHistories : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatClientsWereToldHolds();

private:
    /// Does to one node what its state allows. All may be dead at one time, and one that is alone
    /// with what it acknowledged may die.
    void disturb();
    /// Lets one go on while the others stand still, and kills it with what nobody else has.
    void killTheOnlyOne();
    void work(int ms);

    enum class State { Working, Dead, Standing };
    QRandomGenerator m_random;
    std::unique_ptr<Cluster> m_cluster;
    std::vector<Client> m_clients;
    std::array<State, kNodes> m_states = {};
    int m_kills = 0;
    int m_pauses = 0;
};

void TestClientHistories::disturb()
{
    const int node = m_random.bounded(kNodes);
    State &state = m_states.at(static_cast<std::size_t>(node));
    test::DaemonProcess &daemon = m_cluster->node(node);
    switch (state) {
    case State::Dead:
        QVERIFY(daemon.launch({m_cluster->node((node + 1) % kNodes).address().toString()}));
        state = State::Working;
        return;
    case State::Standing:
        daemon.resume();
        state = State::Working;
        return;
    case State::Working:
        if (m_random.bounded(3) == 0) {
            daemon.pause();
            state = State::Standing;
            ++m_pauses;
        } else {
            daemon.killHard();
            state = State::Dead;
            ++m_kills;
        }
        return;
    }
}

void TestClientHistories::killTheOnlyOne()
{
    std::vector<int> working;
    for (int node = 0; node < kNodes; ++node) {
        if (m_states.at(static_cast<std::size_t>(node)) == State::Working)
            working.push_back(node);
    }
    if (working.empty())
        return;
    const int only =
        working.at(static_cast<std::size_t>(m_random.bounded(static_cast<int>(working.size()))));
    std::erase(working, only);
    for (const int node : working)
        m_cluster->node(node).pause();
    work(300);
    m_cluster->node(only).killHard();
    m_states.at(static_cast<std::size_t>(only)) = State::Dead;
    ++m_kills;
    for (const int node : working)
        m_cluster->node(node).resume();
}

void TestClientHistories::work(int ms)
{
    QElapsedTimer elapsed;
    elapsed.start();
    while (!elapsed.hasExpired(ms)) {
        for (Client &client : m_clients) {
            client.step(*m_cluster);
            QVERIFY2(client.fault().isEmpty(), client.fault().constData());
        }
    }
}

void TestClientHistories::whatClientsWereToldHolds()
{
    const quint32 seed = QRandomGenerator::system()->generate();
    qInfo("seed %u", seed);
    m_random.seed(seed);
    m_cluster = std::make_unique<Cluster>(kNodes);
    QVERIFY(m_cluster->start());
    for (int i = 0; i < kClients; ++i)
        m_clients.emplace_back(i, m_random);
    const int steps = stepsWanted();
    for (int step = 0; step < steps && !QTest::currentTestFailed(); ++step) {
        if (step % 5 == 4)
            killTheOnlyOne();
        else
            disturb();
        if (!QTest::currentTestFailed())
            work(m_random.bounded(50, 900));
    }
    if (QTest::currentTestFailed())
        return;
    for (Client &client : m_clients)
        client.giveUp();
    for (int node = 0; node < kNodes; ++node) {
        test::DaemonProcess &daemon = m_cluster->node(node);
        if (m_states.at(static_cast<std::size_t>(node)) == State::Standing)
            daemon.resume();
        if (!daemon.isRunning())
            QVERIFY(daemon.start({m_cluster->node((node + 1) % kNodes).address().toString()}));
    }
    QVERIFY(m_cluster->waitForAll());
    int acknowledged = 0;
    int read = 0;
    for (Client &client : m_clients) {
        const auto listed = [&](int node) {
            return listedBy(m_cluster->rest(node), client.prefix());
        };
        QVERIFY(test::waitUntil(
            [&] {
                const auto first = listed(0);
                return listed(1) == first && listed(2) == first;
            },
            20'000));
        client.compare(listed(m_random.bounded(kNodes)));
        QVERIFY2(client.fault().isEmpty(), client.fault().constData());
        acknowledged += client.acknowledged();
        read += client.read();
    }
    qInfo("%d kills, %d pauses; %d acknowledged writes, %d reads checked", m_kills, m_pauses,
          acknowledged, read);
    QVERIFY(m_kills > 0 && acknowledged > 0 && read > 0);
}

QTEST_GUILESS_MAIN(TestClientHistories)
#include "tst_client_histories.moc"
