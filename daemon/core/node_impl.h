// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/answer_queue.h"
#include "daemon/core/capacity.h"
#include "daemon/core/dialer.h"
#include "daemon/core/failure_detector.h"
#include "daemon/core/forwarder.h"
#include "daemon/core/group_gather.h"
#include "daemon/core/hints.h"
#include "daemon/core/hybrid_clock.h"
#include "daemon/core/inquiry.h"
#include "daemon/core/listing_reader.h"
#include "daemon/core/member_table.h"
#include "daemon/core/node.h"
#include "daemon/core/purge_watermark.h"
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
inline constexpr qint64 kSeldomBeatMs = 15'000;
/// In a large cluster still more seldom, so that a node sends no more than twenty of them a second.
inline constexpr qint64 kSeldomBeatMsEach = 50;
inline constexpr qint64 kSeldomBeatMsMax = 60'000;
/// So many peers hear each node often and judge it; the others learn of it from them.
inline constexpr std::size_t kWatchersMax = 8;
/// To so many others a node passes on what it was told of a member.
inline constexpr std::size_t kForwardsMax = 16;
/// So many heartbeats in a row with another table hash are no change on its way any more.
inline constexpr int kTableMismatchesMax = 2;
/// Of all whole tables that are told in place of a difference, at most so much; what goes beyond is
/// told so much earlier.
inline constexpr qint64 kTableRecordsPerSecond = 4000;
inline constexpr qint64 kTablesAheadMs = 250;
/// How members are is stored this late at most; who they are at once.
inline constexpr qint64 kTableSaveMs = 1000;
inline constexpr qint64 kHandshakeMsMax = 3000;
inline constexpr qint64 kStrangerMs = 10'000; ///< Who has greeted says as much of itself by then.
inline constexpr qint64 kSyncPeriodMs = 10'000;
inline constexpr qint64 kSyncSoonMs = 500;
/// So many heartbeats in a row with another tree hash are no write on its way any more.
inline constexpr int kTreeMismatchesMax = 3;
inline constexpr qint64 kReturnGraceMs = 3000;   ///< A returning node waits so long for peers,
inline constexpr qint64 kSilentGraceMs = 15'000; ///< and so long where no host of theirs answers.
inline constexpr qint64 kRefusedMs = 15'000;     ///< More than from one dial of a peer to the next.
/// So long one member's word against another one is not enough: a member may stand still as long.
inline constexpr qint64 kLoneAccuserMs = FailureDetector::kSilenceMs;
inline constexpr qint64 kRivalMs = 500; ///< A linked process that runs answers within this time.
inline constexpr qint64 kStandBackMs = 10'000; ///< A copy is silent so long, then it asks again.
inline constexpr qint64 kClockOffMsMax = 60'000;
inline constexpr qint64 kDiskCalmMs = 5000; ///< So long nothing must be refused for lack of space.
inline constexpr qint64 kViewPeriodMs = 1000;

/// What Node is made of. The rules live in the parts (table, detector, dialer, replicator,
/// session); here they are joined. Split over files by subject: node.cpp (door, readiness, state)
/// and node_writes, node_operator, node_leave, node_capacity, node_links, node_dials, node_copies,
/// node_heartbeats, node_membership, node_accusations, node_purge, node_repair, node_hints,
/// node_sync.
class Node::Impl
{
public:
    Impl(NodeConfig config, PersistedState state, const RecordSource &records);

    Effects start(Time now, quint64 newestClock);
    Effects handle(Event event, Time now);
    [[nodiscard]] ClusterView view() const;
    [[nodiscard]] Readiness readiness() const { return m_readiness; }
    [[nodiscard]] std::optional<MemberState> stateOf(NodeId id) const;
    [[nodiscard]] const PersistedState &persistedState() const { return m_state; }

private:
    /// Another process of the id of a linked one, which has greeted; the linked one was asked then.
    struct Rival
    {
        quint64 bootId = 0;
        quint64 probe = 0;
        qint64 askedMs = 0;
        bool isAnswered = false;
    };

    /// One connection, from its opening on; established once both Hellos are accepted.
    struct Link
    {
        LinkId id = 0;
        bool isOutgoing = false;
        DialId dial = 0;
        std::optional<NodeId> dialled = {}; ///< The member that was to be there.
        QByteArray peerHost = {};
        QByteArray localHost = {};
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
        /// Heartbeats in a row with another table hash. What was there before the link is told at
        /// the first one.
        int mismatches = kTableMismatchesMax - 1;
        Heartbeat last = {};
        qint64 clockOffsetMs = 0;
        int treeMismatches = 0;                ///< Heartbeats in a row with another tree hash.
        std::optional<qint64> comparedMs = {}; ///< When a comparison was begun last, by either.
        qint64 heardWallMs = 0;                ///< When something came last.
        std::optional<Rival> rival = {};
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
    [[nodiscard]] bool mayReturnAlone() const;
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
    void on(const ClientListing &listing);
    void receive(Link &link, const ListRequest &request);
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
    void followWall(Time now);
    void receive(Link &link, const Push &push);
    void greet(Link &link, const Hello &hello);
    bool settleDuplicate(Link &link, const Hello &hello);
    void establish(Link &link);
    void refuse(Link &link, Refusal::Reason reason, const QByteArray &text, quint64 claim = 0);
    void dropLink(LinkId id, bool isGone, bool isForeign);
    void closeIdle();
    [[nodiscard]] qint64 idleAfterMs(const Link &link) const;
    [[nodiscard]] Link *linkTo(NodeId peer);
    [[nodiscard]] std::vector<LinkId> establishedLinks() const;
    void send(LinkId link, Message message);

    // node_copies.cpp
    void claimId();
    void meetCopy(Link &link, const Hello &hello);
    [[nodiscard]] bool settleRival(Link &link, Link &linked);
    void takeForCopy(Link &link, const Refusal &refusal);
    void takeWordOnSelf(const MemberRecord &word);
    void watchWatermark(quint64 watermark);
    void doubt(const QByteArray &why);
    void loseTrust();
    void standBack(const QByteArray &where);
    [[nodiscard]] bool isStandingBack();
    [[nodiscard]] bool isCopy() const;
    [[nodiscard]] bool isTakenForCopy() const;
    [[nodiscard]] QByteArray copyDetail() const;

    // node_dials.cpp
    void markSelfDial(const Link &link);
    void dialDue();
    [[nodiscard]] std::map<Dialer::Key, Dialer::Wanted> whomToDial() const;

    // node_heartbeats.cpp
    void receive(Link &link, const Heartbeat &heartbeat);
    void beatDue();
    void beatAt(Link &link, qint64 dueMs);
    void beatToAllSoon();
    [[nodiscard]] std::vector<NodeId> watchersOf(NodeId subject) const;

    // node_membership.cpp
    void receive(Link &link, const Gossip &gossip);
    void takeWord(const MemberRecord &word);
    [[nodiscard]] bool isTrusted(NodeId id) const;
    void updateSelf();
    void spread();
    void passOnNews();
    void passOn(const std::set<NodeId> &changed);
    void tell(const std::set<NodeId> &members, const std::vector<LinkId> &links);
    void introduce(const Link &link);
    bool tellTable(LinkId link);
    [[nodiscard]] bool isClockOff() const;

    // node_accusations.cpp
    [[nodiscard]] bool isHearsay(const MemberRecord &word);
    [[nodiscard]] bool isHeldBack(const MemberRecord &word, NodeId accuser);
    void takeLoneAccusations();
    void receive(Link &link, const ProbeRequest &request);
    void receive(Link &link, const ProbeReply &reply);
    void judgeMembers();
    void accuse(NodeId id, MemberState state);
    void probe(NodeId subject);

    // node_purge.cpp
    void countMembers();
    [[nodiscard]] Holdings holdings();
    [[nodiscard]] quint64 promise();
    [[nodiscard]] SyncSession::Terms syncTerms();
    void noteCompared(const SyncSession &session);
    void updatePurge();
    [[nodiscard]] quint64 purgeDelay() const;
    void obeyWatermark();
    void purge(quint64 watermark);
    [[nodiscard]] std::set<NodeId> purgeHolders() const;

    // node_repair.cpp
    void fence();
    void updateRepair();
    [[nodiscard]] bool isComparedWithAll() const;
    [[nodiscard]] bool isComparedWithWhoIsUp() const;
    void scheduleRepair();
    void observeClocks(const std::vector<Record> &records);

    // node_hints.cpp
    void hintToAbsent(const std::vector<Record> &records);
    void watchPushes(std::size_t firstEffect);
    void settlePush(Link &link, const PushAck &ack);
    void hintLost(NodeId peer, LinkId link);
    void replayDue();
    void answerRoots(Link &link, const RootsRequest &request);
    void answerHeldBack(LinkId link);

    // node_sync.cpp
    void on(const Resumed &resumed);
    void watchTree(Link &link, const Heartbeat &heartbeat);
    void receiveSync(Link &link, const Message &message);
    void answerSync(const AnswerQueue::Question &question);
    void scheduleSync(NodeId peer, qint64 delayMs);
    void unscheduleSync(NodeId peer);
    void syncDue();
    void endSession();
    void settleSession();

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
    ListingReader m_listings;

    std::map<LinkId, Link> m_links;
    std::map<NodeId, LinkId> m_linkByPeer; ///< Established ones.
    std::vector<NodeId> m_watchers;        ///< Of this node; empty: to be found anew.
    std::map<NodeId, qint64> m_strangers;  ///< Who is linked and not in the table; since when.
    std::set<std::pair<qint64, LinkId>> m_beats; ///< When each established link has its next one.
    std::map<LinkId, RootsRequest> m_heldBack;   ///< Until what the peer lacks is replayed.
    quint32 m_peersPermille = 0; ///< No peer has said more of its memory, and perhaps less.
    std::optional<quint64> m_judgedTable; ///< Hashes of the table that the last looks were at.
    std::optional<quint64> m_watchedTable;
    std::optional<quint64> m_dialledTable; ///< None: links have changed too.
    qint64 m_idleDueMs = 0;   ///< No link is idle before, as long as the table stays the same.
    qint64 m_tablesDueMs = 0; ///< When all that was told of tables fits the bound.
    QByteArray m_selfHost;
    std::set<size_t> m_selfJoins; ///< Join addresses that turned out to be this node.
    std::map<quint64, NodeId> m_probes;

    /// What one member alone has said against another one so far.
    struct Accusation
    {
        MemberRecord word = {};
        NodeId accuser = 0;
        qint64 sinceMs = 0;
    };
    std::map<NodeId, Accusation> m_accusations; ///< By the accused.
    std::set<NodeId> m_changed;                 ///< Members to spread at the end of this turn,
    std::optional<LinkId> m_changedBy;          ///< learned from that link alone.
    std::set<NodeId> m_news;                    ///< Learned from others, to be passed on at a tick.
    std::optional<qint64> m_newsMs;             ///< When something was last passed on.
    std::map<NodeId, qint64> m_sinceWallMs;
    std::map<NodeId, qint64> m_contactWallMs; ///< The last, of links that are gone.

    /// What the last completed comparison with a peer found.
    struct Comparison
    {
        int partitionsEqual = 0;
        qint64 wallMs = 0;
        qint64 beganWallMs = 0;
    };

    PurgeWatermark m_purging;
    /// Hash of the table of which m_purging has the members.
    std::optional<quint64> m_countedTable;
    quint64 m_purgedUpTo = 0;
    quint64 m_heardWatermark = 0; ///< The greatest of other members.
    quint64 m_savingWatermark = 0;
    /// Of sessions that are over, which the disk has not answered yet.
    std::set<Ticket> m_strayAppends;

    PushLag m_lag;
    Hints m_hints;
    AnswerQueue m_answers;
    SyncCounts m_syncCounts;
    std::map<NodeId, Comparison> m_compared;
    std::unique_ptr<SyncSession> m_session;
    qint64 m_sessionStartMs = 0;
    quint64 m_sessionStartId = 0;
    qint64 m_sessionStartWallMs = 0;
    std::map<NodeId, qint64> m_syncDueMs;            ///< Whom to compare with, and when;
    std::set<std::pair<qint64, NodeId>> m_syncQueue; ///< the same, the most urgent first.
    qint64 m_syncPeriodicMs = 0;
    /// Members that do not run: their hosts say so since the start, others have their addresses, or
    /// they were down before it.
    std::set<NodeId> m_notRunning;
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

    quint64 m_claim = 0;
    std::map<NodeId, qint64> m_takenForCopyMs; ///< By which peer, and when last.
    /// Of which it is proven that it runs and began earlier: who says so, or where it is. Until a
    /// member lets this one in.
    std::optional<QByteArray> m_original;
    qint64 m_provenMs = 0;   ///< When last.
    bool m_isSilent = false; ///< It neither dials nor is to be reached over it.
    Readiness m_readiness = Readiness::Joining;
    QByteArray m_detail;
    quint32 m_toldPermille = 0; ///< As the peers were told.
    bool m_isFull = false;      ///< As the log was told.
    bool m_isDiskFull = false;
    qint64 m_diskRefusedMs = 0; ///< When it last had no space,
    qint64 m_diskTookMs = 0;    ///< and when it last took something.
    bool m_isFounding = false;  ///< It made a cluster id that is not on its disk yet.
    bool m_isDirty = false;
    std::optional<qint64> m_tableSaveMs; ///< When the table is to be stored, where it has changed.
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
