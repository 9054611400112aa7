// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node.h"

#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

Node::Node(NodeConfig config, PersistedState state, const RecordSource &records)
    : m_impl(std::make_unique<Impl>(std::move(config), std::move(state), records))
{
}

Node::~Node() = default;

Effects Node::start(Time now, quint64 newestClock)
{
    return m_impl->start(now, newestClock);
}

Effects Node::handle(Event event, Time now)
{
    return m_impl->handle(std::move(event), now);
}

ClusterView Node::view() const
{
    return m_impl->view();
}

Readiness Node::readiness() const
{
    return m_impl->readiness();
}

std::optional<MemberState> Node::stateOf(NodeId member) const
{
    return m_impl->stateOf(member);
}

const PersistedState &Node::persistedState() const
{
    return m_impl->persistedState();
}

Node::Impl::Impl(NodeConfig config, PersistedState state, const RecordSource &records)
    : m_config(std::move(config))
    , m_state(std::move(state))
    , m_records(records)
    , m_random(m_config.seed)
    , m_clock(m_state.clockCeiling)
    , m_table(m_state.node)
    , m_capacity(records, m_config.memoryBytesMax)
    , m_replicator(m_state.node, records, m_capacity, m_ids)
    , m_forwarder(records)
    , m_inquiry(m_state.node, records, m_ids)
    , m_reader(records, m_ids)
    , m_listings(m_ids)
    , m_purging(m_state.node)
    , m_hints(records, m_ids)
    , m_answers(m_ids)
{
}

Effects Node::Impl::start(Time now, quint64 newestClock)
{
    m_now = m_started = now;
    claimId();
    m_clock.observe(newestClock, now.wallMs);
    if (m_state.mayLack)
        fence();
    for (const MemberRecord &member : m_state.members) {
        if (member.id == m_state.node)
            continue;
        m_table.merge(member);
        if (member.state == MemberState::Down)
            m_notRunning.insert(member.id);
    }
    m_selfHost = !m_config.advertisedHost.isEmpty() ? m_config.advertisedHost
                 : m_config.api.isWildcard()        ? QByteArray("127.0.0.1")
                                                    : m_config.api.host;
    m_table.setSelf({m_state.node,
                     m_state.generation,
                     0,
                     MemberState::Joining,
                     {},
                     {},
                     m_config.programVersion});
    updateSelf();
    m_syncPeriodicMs = now.monoMs + kSyncPeriodMs;
    obeyWatermark();
    purge(m_state.watermark);
    if (m_state.clusterId == 0 && m_config.join.empty())
        foundCluster();
    renewCeiling();
    updateReadiness();
    dialDue();
    finish();
    return std::exchange(m_out, {});
}

Effects Node::Impl::handle(Event event, Time now)
{
    followWall(now);
    m_now = now;
    m_changedBy.reset();
    std::visit([this](auto &each) { on(each); }, event);
    finish();
    return std::exchange(m_out, {});
}

/// What every turn ends with: changes spread, saved and shown.
void Node::Impl::finish()
{
    m_forwarder.redirect(m_out);
    m_groups.collect(m_out);
    spread();
    saveState();
    if (m_isViewDirty) {
        m_isViewDirty = false;
        m_viewMs = m_now.monoMs;
        m_out.push_back(ViewChanged{});
    }
}

void Node::Impl::on(const Tick &)
{
    judgeMembers();
    closeIdle();
    dialDue();
    beatDue();
    passOnNews();
    m_replicator.expire(m_now.monoMs, m_out);
    m_forwarder.expire(m_now.monoMs, m_out);
    m_inquiry.expire(m_now.monoMs, m_out);
    m_reader.expire(m_now.monoMs, m_out);
    m_listings.expire(m_now.monoMs, m_out);
    replayDue();
    proceedLeave();
    syncDue();
    renewCeiling();
    updateReadiness();
    updatePurge();
    tellFullness();
    tellDisk();
    if (m_now.monoMs - m_viewMs >= kViewPeriodMs)
        m_isViewDirty = true; // Round trips and key counts are worth showing once a second.
}

void Node::Impl::on(const LinkOverflowed &overflowed)
{
    const auto link = m_links.find(overflowed.link);
    if (link == m_links.end() || !link->second.isEstablished)
        return;
    const NodeId peer = link->second.theirs->node;
    for (const PushLag::Sent &each : m_lag.onTheWay(overflowed.link)) {
        for (const QByteArray &key : each.keys)
            m_hints.add(peer, key, each.push);
    }
    m_hints.overflowed(peer, m_now.monoMs);
    scheduleSync(peer, kSyncSoonMs);
}

void Node::Impl::foundCluster()
{
    m_state.clusterId = m_random.next() | 1;
    m_state.caughtUpOnce = true;
    m_isFounding = true;
    m_dialledTable.reset();
    m_isDirty = m_isViewDirty = true;
    m_out.push_back(ClusterIdChanged{m_state.clusterId});
    say(Log::Level::Info, "founded cluster " + toHex16(m_state.clusterId));
}

void Node::Impl::adoptCluster(quint64 clusterId)
{
    say(Log::Level::Info,
        "joining cluster " + toHex16(clusterId) +
            (m_state.clusterId != 0 ? ", giving up " + toHex16(m_state.clusterId) : QByteArray()));
    m_state.clusterId = clusterId;
    m_state.caughtUpOnce = false;
    m_state.isMerging = m_records.recordCount() > 0;
    // They were of other members.
    m_state.watermark = m_state.heldUpTo = m_purgedUpTo = m_heardWatermark = 0;
    m_purging.reset();
    obeyWatermark();
    m_synced.clear();
    m_compared.clear();
    m_syncedCaughtUp.clear();
    m_table.clearOthers();
    for (const auto &[peer, link] : m_linkByPeer)
        m_strangers[peer] = m_now.monoMs;
    m_isDirty = m_isViewDirty = true;
    m_out.push_back(ClusterIdChanged{clusterId});
    updateReadiness();
}

/// A node answers from its own table once it holds what its cluster holds: it founded it, is alone
/// in it, or compared itself with a member that did. Only nodes that all return at once must
/// believe each other, since otherwise none would ever answer.
void Node::Impl::updateReadiness()
{
    if (m_state.isForgotten) {
        return setReadiness(
            Readiness::Joining,
            "forgotten: the cluster goes on without this node, which left it or was "
            "given up by an operator; it takes no part in it any more. Stop it; "
            "`dynakvd set-aside` keeps what it held for an export, and a new node can take its "
            "directory");
    }
    if (m_state.clusterId == 0)
        return setReadiness(Readiness::Joining, "no member of the cluster to join was reached yet");
    const bool isBegun =
        m_leave || (m_readiness == Readiness::Ready && m_state.caughtUpOnce && !m_state.mayLack);
    if (isBegun && !isCopy())
        return;
    if (m_savedCeiling == 0) {
        return setReadiness(Readiness::Joining,
                            m_isDiskFull ? "starting: the disk is full, so that its state cannot "
                                           "be stored; it goes on when there is space again"
                                         : "starting: storing its state");
    }
    if (isCopy() || isTakenForCopy()) {
        return setReadiness(m_state.caughtUpOnce ? Readiness::CatchingUp : Readiness::Joining,
                            copyDetail());
    }
    if (m_state.mayLack)
        return updateRepair();
    const bool isAlone = m_table.replicaCount() <= 1;
    if ((isAlone && m_state.caughtUpOnce) || !m_syncedCaughtUp.empty())
        return setReadiness(Readiness::Ready, {});
    if (!m_state.caughtUpOnce)
        return setReadiness(Readiness::Joining, "joining: taking over the cluster's data");
    if (mayReturnAlone())
        return setReadiness(Readiness::Ready, {});
    setReadiness(Readiness::CatchingUp, "returned: comparing its data with the other members");
}

/// Whether nobody is there whose data this node might lack: it has been compared with each member
/// that it reaches, and the others were down before, or their hosts say that they do not run, or
/// say nothing for as long as a network takes to come up.
bool Node::Impl::mayReturnAlone() const
{
    const qint64 sinceMs = m_now.monoMs - m_started.monoMs;
    if (sinceMs < kReturnGraceMs)
        return false;
    const auto isCompared = [this](const auto &each) { return m_synced.contains(each.first); };
    const auto isAway = [&](const auto &each) {
        const auto &[id, member] = each;
        return id == m_state.node || member.state == MemberState::Left ||
               m_linkByPeer.contains(id) || m_notRunning.contains(id) || sinceMs >= kSilentGraceMs;
    };
    return std::all_of(m_linkByPeer.begin(), m_linkByPeer.end(), isCompared) &&
           std::all_of(m_table.all().begin(), m_table.all().end(), isAway);
}

void Node::Impl::setReadiness(Readiness readiness, const QByteArray &detail)
{
    m_detail = detail;
    if (m_readiness == readiness)
        return;
    m_readiness = readiness;
    m_isViewDirty = true;
    beatToAllSoon(); // Its word counts in reads once they know.
    if (readiness == Readiness::Ready) {
        say(Log::Level::Info, "ready: " + QByteArray::number(m_records.recordCount()) +
                                  " records, cluster " + toHex16(m_state.clusterId));
        m_state.caughtUpOnce = true;
        m_state.mayLack = false;
        m_state.isMerging = false;
        m_isDirty = true;
    }
    updateSelf();
}

void Node::Impl::renewCeiling()
{
    if (!m_clock.isCeilingLow(m_state.clockCeiling, m_now.wallMs))
        return;
    if (m_savedCeiling != 0 && isClockOff())
        return; // Nothing is stamped meanwhile, and a restart would begin up there.
    m_state.clockCeiling = m_clock.ceilingAt(m_now.wallMs);
    m_isDirty = true;
}

void Node::Impl::saveState()
{
    m_isDirty |= m_tableSaveMs && m_now.monoMs >= *m_tableSaveMs;
    if (!m_isDirty || m_savingRevision != 0 || m_now.monoMs < m_saveRetryMs)
        return;
    m_isDirty = false;
    m_tableSaveMs.reset();
    m_state.members = m_table.records();
    m_savingRevision = ++m_revision;
    m_savingCeiling = m_state.clockCeiling;
    m_savingClusterId = m_state.clusterId;
    m_savingWatermark = m_state.watermark;
    m_state.heldUpTo = std::max(m_state.heldUpTo, m_purging.holdsUpTo());
    m_purging.beginSave();
    m_out.push_back(SaveState{m_savingRevision, m_state});
}

void Node::Impl::on(const StateSaved &saved)
{
    if (saved.revision != m_savingRevision)
        return;
    m_savingRevision = 0;
    if (saved.isSaved || saved.isDiskFull)
        noteDisk(saved.isSaved ? Committed::Result::Done : Committed::Result::NoSpace, {});
    if (saved.isSaved) {
        m_isSaveFailing = false;
        m_savedCeiling = m_savingCeiling;
        m_purging.saved();
        purge(m_savingWatermark);
        m_isFounding = m_isFounding && m_savingClusterId != m_state.clusterId;
        updateReadiness();
        return;
    }
    m_isDirty = true;
    m_saveRetryMs = m_now.monoMs + 1000;
    if (!saved.isDiskFull && !std::exchange(m_isSaveFailing, true))
        say(Log::Level::Warning, "the node's state could not be stored; it keeps trying");
}

void Node::Impl::say(Log::Level level, QByteArray text)
{
    m_out.push_back(Log{level, std::move(text)});
}

std::optional<MemberState> Node::Impl::stateOf(NodeId id) const
{
    const MemberRecord *const member = m_table.find(id);
    if (member == nullptr)
        return std::nullopt;
    return isLostWhileLeaving(*member) ? MemberState::Down : member->state;
}

ClusterView Node::Impl::view() const
{
    ClusterView view{m_state.clusterId, m_state.node, m_readiness, m_detail, {}};
    const std::set<NodeId> purgeHolders = this->purgeHolders();
    for (const auto &[id, member] : m_table.all()) {
        MemberView row{id, member.api.toString(), member.cluster.toString(),
                       isLostWhileLeaving(member) ? MemberState::Down : member.state};
        row.isSelf = id == m_state.node;
        row.programVersion = member.programVersion;
        row.holdsPurgeBack = purgeHolders.contains(id);
        if (const auto since = m_sinceWallMs.find(id); since != m_sinceWallMs.end())
            row.sinceMs = since->second;
        if (row.isSelf) {
            row.keys = m_records.liveCount();
            row.bytes = m_records.byteCount();
            row.mayLack = m_state.mayLack;
            if (m_config.memoryBytesMax > 0)
                row.memoryUsedPermille = m_capacity.usedPermille();
        } else if (const auto at = m_linkByPeer.find(id); at != m_linkByPeer.end()) {
            const Link &link = m_links.at(at->second);
            row.rttMs = link.rttMs;
            const PushLag::Behind behind = m_lag.behind(link.id, m_now.monoMs);
            row.pushLagMs = behind.ageMs;
            row.pushesPending = behind.pushes;
            if (link.last.sequence != 0) {
                row.clockOffsetMs = link.clockOffsetMs;
                row.keys = link.last.keys;
                row.bytes = link.last.bytes;
                row.mayLack = link.last.mayLack;
                if (link.last.memoryUsedPermille != 0)
                    row.memoryUsedPermille = link.last.memoryUsedPermille;
            }
        }
        const Hints::Waiting hints = m_hints.waiting(id);
        row.hintsPending = hints.keys;
        row.areHintsDropped = hints.areDropped;
        if (const auto compared = m_compared.find(id); compared != m_compared.end()) {
            row.partitionsEqual = compared->second.partitionsEqual;
            row.comparedMs = compared->second.wallMs;
        }
        view.members.push_back(std::move(row));
    }
    view.purgedUpToMs = static_cast<qint64>(m_state.watermark >> 16);
    view.counts.syncs = m_syncCounts;
    view.counts.hints = m_hints.counts();
    view.counts.refusedRecords = m_replicator.refusedCount();
    return view;
}

} // namespace dynakv::core
