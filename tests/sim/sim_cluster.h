// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/node.h"
#include "daemon/core/random.h"
#include "tests/sim/node_store.h"
#include "tests/support/map_records.h"

#include <functional>
#include <initializer_list>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace dynakv::sim {

/// What a client was told about one write.
struct Told
{
    int node = 0;
    QByteArray key = {};
    core::RecordKind kind = core::RecordKind::Value;
    QByteArray value = {};
    core::Version floor = {}; ///< What the node held for the key when it was asked.
    int diskCuts = 0;         ///< How many there had been when it was asked.
    bool mayExpire = false;
    bool isAnswered = false;
    core::WriteOutcome outcome = {};
};

/// What a client was told about one read.
struct Read
{
    bool isAnswered = false;
    core::ReadOutcome outcome = {};
};

/// What a client was told about one listing.
struct Listed
{
    bool isAnswered = false;
    core::ListingOutcome outcome = {};
};

/// A whole cluster in one thread and in virtual time: real core::Nodes on a simulated network
/// (ordered streams that stall, break, half-open and refuse), on disks that lose what was not yet
/// synced in a crash, with clocks that may be off. One seed gives one run, bit for bit.
class SimCluster
{
public:
    using DiskWrite = std::variant<core::PersistedState, std::vector<core::Record>>;
    struct KeptDisk
    {
        core::PersistedState state = {};
        std::map<QByteArray, core::Record> records = {};
        std::vector<DiskWrite> journal = {};
    };

    explicit SimCluster(quint64 seed);
    ~SimCluster();

    /// A machine with an empty disk that listens on port 6660 of an address of its own; not
    /// started. \a join:
    /// indices of the machines whose addresses it is started with.
    int addNode(const std::vector<int> &join, bool isWildcard = false);
    void start(int node);
    /// Makes \a nodes machines of it, the others joining through the first; true once they are one
    /// cluster and all ready.
    bool form(int nodes);
    /// Makes \a nodes machines of it that have been one cluster before and were all stopped, and
    /// starts them, one of them first; true once they are one again.
    bool formAgain(int nodes);
    /// Stops at once: what the disk has not synced is gone, the kernel resets its links.
    void crash(int node);
    /// The power is gone: nobody is told, links are half-open, and until it is started again nobody
    /// answers there.
    void vanish(int node);
    void setPaused(int node, bool isPaused);
    void setWallOffset(int node, qint64 offsetMs) { m_nodes[at(node)].wallOffsetMs = offsetMs; }
    /// So many millionths its clocks are too fast; before its first start.
    void setDrift(int node, qint64 ppm) { m_nodes[at(node)].driftPpm = ppm; }
    /// While it is full its disk takes nothing.
    void setDiskFull(int node, bool isFull) { m_nodes[at(node)].isDiskFull = isFull; }
    /// What every message that is sent becomes on its way; nothing is a wrong answer.
    using Carry = std::function<std::optional<core::Message>(core::LinkId, const core::Message &)>;
    void setCarry(Carry carry) { m_carry = std::move(carry); }
    /// How often a node was told that it sends more to another one than that takes.
    [[nodiscard]] int overflows() const { return m_overflows; }
    /// Every link between the two is reset: what is on its way is lost, and both are told.
    void resetLinks(int one, int other);
    /// Of a node that does not run: what it keeps its data in from now on.
    void setStore(int node, std::unique_ptr<NodeStore> store);
    /// Whether each running node's store holds what was stored there and not purged; if not, that
    /// is a wrong answer.
    void checkStores();
    /// From its next start on.
    void setMemoryMax(int node, qint64 bytes) { m_nodes[at(node)].config.memoryBytesMax = bytes; }
    void setJoin(int node, const std::vector<int> &join);
    void wipe(int node);
    /// Gives a running node a record that nobody else learns of by a push.
    void plant(int node, const core::Record &record);
    /// Its file is rewritten: from now on it holds what the table holds and no more.
    void compact(int node);
    /// The writes that the disk of \a node holds, one after the other.
    [[nodiscard]] size_t diskWrites(int node) const { return m_nodes[at(node)].journal.size(); }
    /// Loses all but the first \a writes of a node that does not run: its file was damaged there,
    /// and the next start knows it.
    void cutDisk(int node, size_t writes);
    [[nodiscard]] const core::PersistedState &diskState(int node) const
    {
        return m_nodes[at(node)].disk;
    }
    /// Disks no longer keep in which order things came to them, which is much in many or long
    /// lives; nobody may cut one afterwards.
    void keepNoJournals() { m_keepsJournals = false; }
    /// Makes the disk of \a to a copy of that of \a from.
    void copyDisk(int from, int to);
    /// What a disk holds at a moment, to be put back later.
    [[nodiscard]] KeptDisk keptDisk(int node) const;
    void putBack(int node, const KeptDisk &kept);
    /// Cuts or mends the path from \a from to \a to, one way.
    void setCut(int from, int to, bool isCut);
    void setCutBothWays(int one, int two, bool isCut);
    void mendAll();
    /// So many of a thousand segments are lost and come by a retransmission after 200 ms; each that
    /// is lost again waits twice as long as before. What is behind them in the stream waits too.
    void setLoss(int permille) { m_lossPermille = permille; }

    /// Hands a write to a node; the index of its Told.
    size_t put(int node, const QByteArray &key, const QByteArray &value,
               core::WriteConcern concern = {}, std::optional<core::Durability> durability = {});
    size_t remove(int node, const QByteArray &key, core::WriteConcern concern = {});
    size_t write(int node, const core::WriteRequest &request);
    /// Asks a running node, of something that it answers at once.
    core::OperatorOutcome operate(int node, const core::OperatorRequest &request);
    /// Asks a running node; operated() of what this returns is the answer once it is there.
    size_t beginOperation(int node, const core::OperatorRequest &request);
    [[nodiscard]] const std::optional<core::OperatorOutcome> &operated(size_t operation) const
    {
        return m_operated[operation];
    }
    /// Of what was begun last.
    [[nodiscard]] const std::optional<core::OperatorOutcome> &operated() const
    {
        return m_operated.back();
    }
    /// Hands a read to a node; the index of its Read.
    size_t read(int node, const core::ReadRequest &request);
    [[nodiscard]] const Read &readOf(size_t read) const { return m_reads[read]; }
    /// Hands a listing to a node; the index of its Listed.
    size_t list(int node, const core::ListingRequest &request);
    [[nodiscard]] const Listed &listedOf(size_t listing) const { return m_listed[listing]; }
    [[nodiscard]] const Told &told(size_t write) const { return m_told[write]; }
    [[nodiscard]] const std::vector<Told> &allTold() const { return m_told; }

    void run(qint64 ms);
    /// Runs until \a condition holds; false if it does not within \a maxMs.
    bool runUntil(qint64 maxMs, const std::function<bool()> &condition);

    [[nodiscard]] qint64 nowMs() const { return m_nowMs; }
    [[nodiscard]] qint64 wallMs(int node) const { return timeAt(m_nodes[at(node)]).wallMs; }
    [[nodiscard]] int count() const { return static_cast<int>(m_nodes.size()); }
    [[nodiscard]] bool isRunning(int node) const;
    [[nodiscard]] core::Readiness readiness(int node) const
    {
        return m_nodes[at(node)].node->readiness();
    }
    [[nodiscard]] core::ClusterView view(int node) const { return m_nodes[at(node)].node->view(); }
    [[nodiscard]] core::NodeId idOf(int node) const { return m_nodes[at(node)].disk.node; }
    [[nodiscard]] const testing::MapRecords &records(int node) const;
    /// Whether a stream connects \a node with each other one that runs.
    [[nodiscard]] bool isLinkedWithAll(int node) const;
    /// What \a node makes of another machine, or of itself; nothing where it does not know it.
    [[nodiscard]] std::optional<core::MemberState> stateSeenBy(int node, int subject) const;
    /// Indices that \a node sees as alive, itself included.
    [[nodiscard]] std::vector<int> aliveSeenBy(int node) const;
    [[nodiscard]] bool allReady() const;
    /// Every running node sees every running node alive and no other.
    [[nodiscard]] bool membershipsAgree() const;
    [[nodiscard]] bool recordsAgree() const;
    /// Who holds what of some key on which running nodes differ; empty where they agree.
    [[nodiscard]] QByteArray difference() const;
    /// What was wrong with any answer in the moment it was given (too few disks had the write, a
    /// version not above what the node held, a second answer), or with a node that took what is
    /// older than what it once held (it was purged), or with a node whose disk was cut in
    /// the moment it said ready (it lacked what a member that it sees up has held since it
    /// started); empty if nothing was.
    [[nodiscard]] const QByteArray &wrongAnswer() const { return m_wrongAnswer; }
    /// Of all that happened to nodes, and of what came of it: equal for equal runs.
    [[nodiscard]] quint64 traceHash() const { return m_trace; }
    /// How often a node showed another one Down that was there, if perhaps paused, and not cut off;
    /// counted from watchDowns() on.
    [[nodiscard]] int falseDowns() const { return m_falseDowns; }
    /// Of nodes that are added from now on.
    void setPurgeDelay(qint64 ms) { m_purgeDelayMs = ms; }
    void watchDowns() { m_watchesDowns = true; }
    /// What \a sizeOf makes of every message that is sent, summed up.
    void countBytes(std::function<qint64(const core::Message &)> sizeOf)
    {
        m_sizeOf = std::move(sizeOf);
    }
    [[nodiscard]] qint64 bytesSent() const { return m_bytesSent; }
    /// Records that nodes have purged.
    [[nodiscard]] qint64 purged() const { return m_purged; }
    /// Records that \a node's core has handed to its disk since it was added.
    [[nodiscard]] qint64 recordsAppended(int node) const { return m_nodes[at(node)].appended; }
    [[nodiscard]] core::Random &random() { return m_random; }
    [[nodiscard]] const std::vector<QByteArray> &log() const { return m_log; }

private:
    struct Machine
    {
        int index = 0;
        core::NodeConfig config = {};
        core::PersistedState disk = {};                      ///< What the disk holds,
        std::map<QByteArray, core::Record> diskRecords = {}; ///< records too,
        std::vector<DiskWrite> journal = {};                 ///< and in which order it came.
        /// Of a life that began with a disk that may lack something, until it is ready: what each
        /// machine that ran at its start held, under its index and boot.
        std::map<std::pair<int, quint64>, testing::MapRecords> owed = {};
        std::unique_ptr<testing::MapRecords> records = {};
        /// Where there is one the node works with it, and `records` is what it is held against.
        std::unique_ptr<NodeStore> store = {};
        std::deque<std::vector<core::Record>> unfinished = {}; ///< Appends on their way.
        /// The greatest stamp that it ever held of each key, as far as its disk was not cut.
        std::map<QByteArray, core::Stamp> greatest = {};
        std::unique_ptr<core::Node> node = {};
        quint64 boot = 0; ///< Counts starts: events for an older one are void.
        bool isPaused = false;
        bool isHostUp = true;
        bool isDiskFull = false;
        qint64 wallOffsetMs = 0;
        qint64 driftPpm = 0;
        qint64 appended = 0;
        qint64 diskFreeMs = 0; ///< When the disk is done with what it was given.
        std::map<core::LinkId, size_t> wires = {};
        std::vector<std::function<void()>> heldBack = {}; ///< What happened while it was paused.
    };
    struct Wire
    {
        int end[2] = {0, 0};
        quint64 boot[2] = {0, 0};
        core::LinkId link[2] = {0, 0};
        bool isOpen[2] = {true, true};
        bool isLost[2] = {false, false}; ///< What is on its way to that end never comes.
        bool isOverflowing[2] = {false, false};
        qint64 freeMs[2] = {0, 0}; ///< Towards that end: keeps the stream in order.
        std::vector<std::function<void()>> stalled[2] = {}; ///< Towards that end, by a cut.
    };

    static size_t at(int node) { return static_cast<size_t>(node); }
    static QByteArray hostOf(int node);
    void schedule(qint64 delayMs, std::function<void()> task);
    void tick(int node, quint64 boot);
    void trace(std::initializer_list<quint64> what);
    void deliver(int node, quint64 boot, core::Event event);
    void carryOut(Machine &machine, core::Effects effects);
    void answered(const core::Reply &reply);
    void countFalseDowns(const Machine &machine);
    void checkRepair(Machine &machine);
    void dial(Machine &machine, const core::Dial &dial);
    void connect(int from, int to, core::DialId dial);
    void transmit(Machine &machine, core::LinkId link, core::Message message);
    void towards(size_t wire, int end, std::function<void()> task);
    void closeEnd(Machine &machine, core::LinkId link, bool isTold);
    void breakWires(Machine &machine, bool isTold);
    static void refill(Machine &machine);
    bool openStore(Machine &machine);
    void checkStore(const Machine &machine);
    bool overflows(Machine &machine, core::LinkId link, size_t wire, const core::Message &message);
    void loseWhatIsOnTheWay(size_t wire, int end);
    void append(Machine &machine, core::Append append);
    void apply(Machine &machine, const core::Record &record);
    void writeDisk(Machine &machine, DiskWrite write) const;
    void save(Machine &machine, core::SaveState save);
    void note(QByteArray line);
    [[nodiscard]] core::Time timeAt(const Machine &machine) const;
    [[nodiscard]] bool isCut(int from, int to) const;

    core::Random m_random;
    qint64 m_nowMs = 0;
    std::map<qint64, std::vector<std::function<void()>>> m_queue; ///< By when, in their order.
    std::vector<Machine> m_nodes;
    std::map<QByteArray, int> m_indexByHost;
    std::vector<Wire> m_wires;
    core::LinkId m_lastLink = 0;
    std::set<std::pair<int, int>> m_cuts;
    int m_lossPermille = 0;
    Carry m_carry = {};
    int m_overflows = 0;
    bool m_keepsJournals = true;
    std::vector<Told> m_told;
    std::vector<Read> m_reads;
    std::vector<Listed> m_listed;
    std::vector<std::optional<core::OperatorOutcome>> m_operated;
    std::vector<QByteArray> m_log;
    QByteArray m_wrongAnswer;
    quint64 m_trace = 0;
    mutable int m_disagreed = 0; ///< Who was the reason when memberships last disagreed.
    int m_falseDowns = 0;
    int m_diskCuts = 0;
    bool m_watchesDowns = false;
    std::function<qint64(const core::Message &)> m_sizeOf = {};
    qint64 m_bytesSent = 0;
    qint64 m_purged = 0;
    qint64 m_purgeDelayMs = 300'000;
};

} // namespace dynakv::sim
