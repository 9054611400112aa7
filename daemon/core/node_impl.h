// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/capacity.h"
#include "daemon/core/dialer.h"
#include "daemon/core/failure_detector.h"
#include "daemon/core/forwarder.h"
#include "daemon/core/group_gather.h"
#include "daemon/core/hybrid_clock.h"
#include "daemon/core/inquiry.h"
#include "daemon/core/member_table.h"
#include "daemon/core/node.h"
#include "daemon/core/push_lag.h"
#include "daemon/core/quorum_reader.h"
#include "daemon/core/random.h"
#include "daemon/core/replicator.h"
#include "daemon/core/sync_session.h"
#include "shared/base/limits.h"

#include <map>
#include <optional>
#include <set>

namespace dynakv::core {

inline constexpr qint64 kHeartbeatMs = 500;
/// To those that do not watch: what they need to know of a member is not urgent.
inline constexpr qint64 kSeldomBeatMs = 10'000;
/// So many peers hear each node often and judge it; the others learn of it from them.
inline constexpr std::size_t kWatchersMax = 8;
inline constexpr qint64 kHandshakeMsMax = 3000;
inline constexpr qint64 kSyncPeriodMs = 10'000;
inline constexpr qint64 kSyncSoonMs = 500;
inline constexpr qint64 kReturnGraceMs = 3000; ///< A returning node waits so long for peers.
inline constexpr qint64 kClockOffMsMax = 60'000;
inline constexpr qint64 kDiskCalmMs = 5000; ///< So long nothing must be refused for lack of space.
inline constexpr qint64 kViewPeriodMs = 1000;

/// What Node is made of. The rules live in the parts (table, detector, dialer, replicator,
/// session); here they are joined. Split over files by subject: node.cpp (door, readiness, state)
/// and node_writes, node_operator, node_leave, node_capacity, node_links, node_membership,
/// node_repair, node_sync.
class Node::Impl
{
public:
    Impl(NodeConfig config, PersistedState state, const RecordSource &records);

    Effects start(Time now, quint64 newestClock);
    Effects handle(Event event, Time now);
    [[nodiscard]] ClusterView view() const;
    [[nodiscard]] const PersistedState &persistedState() const { return m_state; }

private:
    /// One connection, from its opening on; established once both Hellos are accepted.
    struct Link
    {
        LinkId id = 0;
        bool isOutgoing = false;
        DialId dial = 0;
        QByteArray peerHost = {};
        qint64 openedMs = 0;
        Hello sent = {};
        std::optional<Hello> theirs = {};
        bool isEstablished = false;

        quint64 sequence = 0;
        qint64 heartbeatDueMs = 0;
        bool isSeldom = false;   ///< The last one said that the next one takes its time.
        qint64 peerSentMs = 0;   ///< To be echoed,
        qint64 peerSentAtMs = 0; ///< received then.
        std::optional<double> rttMs = {};
        int mismatches = 0; ///< Heartbeats in a row with another table hash.
        Heartbeat last = {};
        qint64 clockOffsetMs = 0;
    };

    // node.cpp
    void on(const Tick &);
    void on(const LinkOpened &opened);
    void on(const LinkClosed &closed);
    void on(const DialFailed &failed);
    void on(const Received &received);
    void on(const LinkOverflowed &overflowed);
    void on(const StateSaved &saved);
    void finish();
    void foundCluster();
    void adoptCluster(quint64 clusterId);
    void updateReadiness();
    void setReadiness(Readiness readiness, const QByteArray &detail);
    void renewCeiling();
    void saveState();
    void say(Log::Level level, QByteArray text);

    // node_writes.cpp
    void on(const ClientWrite &write);
    void on(ClientGroup &group);
    void on(const ClientQuestion &question);
    void on(const ClientOperation &client);
    void on(const ClientRead &read);
    void on(const Committed &committed);
    void coordinate(const ClientWrite &write);
    void coordinate(ClientGroup &group);
    [[nodiscard]] bool isHomeElsewhere(const WriteRequest &write) const;
    void refuseWrite(RequestId request, WriteOutcome::Status status, const QByteArray &detail);
    [[nodiscard]] NodeId homeOf(QByteArrayView key) const;
    void forward(const ClientWrite &write, NodeId home);
    void receive(Link &link, const ForwardedWrite &forwarded);
    void receive(Link &link, const CopyReply &reply);
    [[nodiscard]] std::optional<WriteOutcome> refusalOf(const WriteRequest &first,
                                                        std::size_t count) const;
    [[nodiscard]] std::optional<WriteOutcome> refusalForSpace(const WriteRequest &write) const;
    [[nodiscard]] std::optional<WriteOutcome> reasonAgainstWriting(std::size_t count) const;

    // node_operator.cpp
    [[nodiscard]] OperatorOutcome forget(NodeId id);
    [[nodiscard]] bool isLostWhileLeaving(const MemberRecord &member) const;
    [[nodiscard]] OperatorOutcome repairNow();
    void becomeForgotten();

    // node_leave.cpp
    void beginLeave(RequestId request);
    void proceedLeave();
    [[nodiscard]] bool isHandedToAll() const;
    void noteHandedTo(NodeId peer);
    void completeLeave();
    void giveUpLeave();

    // node_capacity.cpp
    [[nodiscard]] std::optional<QByteArray> whoIsFull(quint32 permille) const;
    [[nodiscard]] std::optional<QByteArray> reasonOfFullness(const WriteRequest &write) const;
    void tellFullness();
    void noteDisk(Committed::Result result, const QByteArray &detail);
    void tellDisk();

    // node_links.cpp
    [[nodiscard]] Hello makeHello() const;
    void learnHost(const QByteArray &localHost);
    void receive(Link &link, const Push &push);
    void greet(Link &link, const Hello &hello);
    bool settleDuplicate(Link &link, const Hello &hello);
    void establish(Link &link);
    void refuse(Link &link, Refusal::Reason reason, const QByteArray &text);
    void dropLink(LinkId id, bool isGone, bool isForeign);
    void markSelfDial(const Link &link);
    void dialDue();
    void closeIdle();
    [[nodiscard]] Link *linkTo(NodeId peer);
    [[nodiscard]] std::vector<LinkId> establishedLinks() const;
    void send(LinkId link, Message message);

    // node_membership.cpp
    void receive(Link &link, const Heartbeat &heartbeat);
    void receive(Link &link, const Gossip &gossip);
    void receive(Link &link, const ProbeRequest &request);
    void receive(Link &link, const ProbeReply &reply);
    void takeWord(const MemberRecord &word);
    [[nodiscard]] bool isHearsay(const MemberRecord &word);
    void beatDue();
    [[nodiscard]] std::vector<NodeId> watchersOf(NodeId subject) const;
    [[nodiscard]] bool isTrusted(NodeId id) const;
    void judgeMembers();
    void accuse(NodeId id, MemberState state);
    void probe(NodeId subject);
    void updateSelf();
    void spread();
    [[nodiscard]] bool isClockOff() const;

    // node_repair.cpp
    void fence();
    void updateRepair();
    [[nodiscard]] bool isComparedWithAll() const;
    [[nodiscard]] bool isComparedWithWhoIsUp() const;
    void scheduleRepair();
    void observeClocks(const std::vector<Record> &records);

    // node_sync.cpp
    void receiveSync(Link &link, const Message &message);
    void scheduleSync(NodeId peer, qint64 delayMs);
    void syncDue();
    void settleSession();
    void watchPushes(std::size_t firstEffect);

    NodeConfig m_config;
    PersistedState m_state;
    const RecordSource &m_records;

    Time m_now;
    Time m_started;
    Effects m_out;
    quint64 m_ids = 0; ///< Numbers tickets, requests and pushes: one series, so that none is two.
    Random m_random;
    HybridClock m_clock;
    MemberTable m_table;
    FailureDetector m_detector;
    Dialer m_dialer;
    Capacity m_capacity;
    Replicator m_replicator;
    Forwarder m_forwarder;
    GroupGather m_groups;
    Inquiry m_inquiry;
    QuorumReader m_reader;

    std::map<LinkId, Link> m_links;
    std::map<NodeId, LinkId> m_linkByPeer; ///< Established ones.
    QByteArray m_selfHost;
    std::set<size_t> m_selfJoins; ///< Join addresses that turned out to be this node.
    std::map<quint64, NodeId> m_probes;
    std::set<NodeId> m_changed;        ///< Members to spread at the end of this turn,
    std::optional<LinkId> m_changedBy; ///< learned from that link alone.
    std::map<NodeId, qint64> m_sinceWallMs;

    /// What the last completed comparison with a peer found.
    struct Comparison
    {
        int partitionsEqual = 0;
        qint64 wallMs = 0;
    };

    PushLag m_lag;
    SyncCounts m_syncCounts;
    std::map<NodeId, Comparison> m_compared;
    std::unique_ptr<SyncSession> m_session;
    qint64 m_sessionStartMs = 0;
    std::map<NodeId, qint64> m_syncDueMs;
    qint64 m_syncPeriodicMs = 0;
    std::set<NodeId> m_synced;         ///< Peers with whom a session completed since the start,
    std::set<NodeId> m_syncedCaughtUp; ///< and of them those that held all at that time.

    struct Leave
    {
        RequestId request = 0;
        qint64 startMs = 0;
        bool isDrained = false;         ///< No write of a client is under way any more.
        std::set<NodeId> handedTo = {}; ///< Who holds, since then, all that this node held.
    };
    std::optional<Leave> m_leave;

    Readiness m_readiness = Readiness::Joining;
    QByteArray m_detail;
    quint32 m_toldPermille = 0; ///< As the peers were told.
    bool m_isFull = false;      ///< As the log was told.
    bool m_isDiskFull = false;
    qint64 m_diskRefusedMs = 0; ///< When it last had no space,
    qint64 m_diskTookMs = 0;    ///< and when it last took something.
    bool m_isFounding = false;  ///< It made a cluster id that is not on its disk yet.
    bool m_isDirty = false;
    quint64 m_revision = 0;
    quint64 m_savingRevision = 0;
    quint64 m_savingCeiling = 0;
    quint64 m_savingClusterId = 0;
    quint64 m_savedCeiling = 0;
    qint64 m_saveRetryMs = 0;
    bool m_isSaveFailing = false; ///< As the log was told.
    bool m_isViewDirty = false;
    qint64 m_viewMs = 0;
};

} // namespace dynakv::core
