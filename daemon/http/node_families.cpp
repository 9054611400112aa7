// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/handler_checks.h"
#include "daemon/http/metrics_families.h"
#include "daemon/storage/file_keeper.h"
#include "daemon/store/table.h"

namespace dynakv::http {
namespace {

using Type = MetricsText::Type;
using core::MemberState;

constexpr std::array kMemberStates{MemberState::Joining, MemberState::Alive,   MemberState::Suspect,
                                   MemberState::Down,    MemberState::Leaving, MemberState::Left};
constexpr std::array kJobKinds{storage::StorageJob::Kind::Compaction,
                               storage::StorageJob::Kind::Backup,
                               storage::StorageJob::Kind::Healing};

double fromMs(double ms)
{
    return ms / 1000;
}

void addTable(MetricsText &text, const ApiContext &context)
{
    const store::TableStats stats = context.table.stats();
    text.gauge("store_keys", "Keys with a value, expired ones that are still held included.",
               stats.records - stats.tombstones);
    text.gauge("store_tombstones", "Deleted keys that are still remembered.", stats.tombstones);
    text.counter("store_purged_total",
                 "Deleted keys and expired values that were taken out for good.", stats.purged);
    text.gauge("store_bytes", "Bytes of keys and values.", stats.bytes);
    text.gauge("store_memory_bytes", "Memory that the keys and values take.", stats.memoryBytes);
    text.gauge("store_memory_limit_bytes", "What they may take (max-memory); 0: no limit.",
               context.process.memoryBytesMax);
}

void addFile(MetricsText &text, const storage::FileStatus &file)
{
    text.gauge("storage_file_bytes", "Size of storage.db.", file.fileBytes);
    text.gauge("storage_base_bytes", "Of it in front of the log.", file.baseBytes);
    text.gauge("storage_dead_bytes", "Of it about what a compaction would save.", file.deadBytes);
    text.gauge("storage_generation", "How often the file was written anew; 0: there is none.",
               static_cast<qint64>(file.generation));
    text.gauge("storage_writable", "0 while writes are refused until the file is healed.",
               file.broken.isEmpty() ? 1 : 0);
}

void addCommits(MetricsText &text, const storage::StorageMetrics &metrics)
{
    text.family("storage_commits_total", Type::Counter,
                "Commits asked for, by what became of them.");
    text.sample({{"result", "done"}}, metrics.commits.value());
    text.sample({{"result", "no_space"}}, metrics.commitsNoSpace.value());
    text.sample({{"result", "failed"}}, metrics.commitsFailed.value());
    text.counter("storage_records_total", "Records taken over into the table.",
                 metrics.records.value());
    text.counter("storage_written_bytes_total", "Bytes appended to the log.",
                 metrics.bytesWritten.value());
    text.family("storage_sync_duration_seconds", Type::Histogram, "Duration of fsync.");
    text.seconds({}, metrics.syncUs.counts());
    text.counter("storage_sync_failures_total", "Failed syncs; each costs the file.",
                 metrics.syncsFailed.value());
    text.family("storage_commit_duration_seconds", Type::Histogram,
                "Duration of a group commit, its sync included.");
    text.seconds({}, metrics.commitUs.counts());
    text.family("storage_batch_commits", Type::Histogram, "Commits in one group commit.");
    text.histogram({}, metrics.batchCommits.counts(), 0, 12, 1);
}

void addJobs(MetricsText &text, const ApiContext &context)
{
    const storage::StorageMetrics &metrics = context.file.metrics();
    text.family("storage_jobs_total", Type::Counter,
                "Compactions, backups and healings that ended, by result.");
    for (const auto kind : kJobKinds) {
        const auto &results = metrics.jobs.at(static_cast<std::size_t>(kind));
        text.sample({{"kind", toText(kind)}, {"result", "done"}}, results[0].value());
        text.sample({{"kind", toText(kind)}, {"result", "failed"}}, results[1].value());
    }
    const auto jobs = context.file.jobs();
    const bool isRunning =
        !jobs.empty() && jobs.front().state == storage::StorageJob::State::Running;
    text.gauge("storage_jobs_running", "Of these, how many run now.", isRunning ? 1 : 0);
}

/// A family with one sample for each other member of which \a value is known.
template <typename Value>
void perMember(MetricsText &text, const core::ClusterView &view, const QByteArray &name,
               const char *help, Value value)
{
    text.family(name, Type::Gauge, help);
    for (const core::MemberView &member : view.members) {
        const auto known = value(member);
        if (known && !member.isSelf)
            text.sample({{"member", member.address}}, *known);
    }
}

std::optional<double> secondsOf(const std::optional<qint64> &ms)
{
    return ms ? std::optional(fromMs(static_cast<double>(*ms))) : std::nullopt;
}

void addMembers(MetricsText &text, const core::ClusterView &view)
{
    using core::MemberView;
    text.gauge("ready", "1 while this node answers from its own table.",
               view.readiness == core::Readiness::Ready ? 1 : 0);
    text.family("cluster_members", Type::Gauge, "Members by state, this node included.");
    for (const MemberState state : kMemberStates) {
        const auto count = std::count_if(view.members.begin(), view.members.end(),
                                         [state](const auto &each) { return each.state == state; });
        text.sample({{"state", toText(state)}}, qint64{count});
    }
    perMember(text, view, "cluster_rtt_seconds", "Round trip to a member.",
              [](const MemberView &member) {
                  return member.rttMs ? std::optional(fromMs(*member.rttMs)) : std::nullopt;
              });
    perMember(text, view, "cluster_clock_offset_seconds", "A member's clock less this node's.",
              [](const MemberView &member) { return secondsOf(member.clockOffsetMs); });
    text.gauge("purge_watermark_seconds",
               "Unix time; what has been dead since then is purged. 0: nothing yet.",
               view.purgedUpToMs / 1000);
    text.family("purge_held_back", Type::Gauge, "1 for a member that purging waits for.");
    for (const MemberView &member : view.members)
        text.sample({{"member", member.address}}, qint64{member.holdsPurgeBack ? 1 : 0});
    text.counter("replication_refused_records_total",
                 "Records that a member sent though they had been purged here; each is one that "
                 "would have come back.",
                 view.counts.refusedRecords);
    perMember(text, view, "replication_lag_seconds",
              "Age of the oldest record that a member was sent and has not confirmed.",
              [](const MemberView &member) { return secondsOf(member.pushLagMs); });
    perMember(text, view, "replication_pending", "How many such records there are.",
              [](const MemberView &member) { return member.pushesPending; });
    perMember(text, view, "hints_pending",
              "Keys written through this node while a member was away, to be sent to it.",
              [](const MemberView &member) { return std::optional(member.hintsPending); });
    perMember(text, view, "sync_partitions_equal",
              "Partitions of 256 that were equal when they were last compared with a member.",
              [](const MemberView &member) { return member.partitionsEqual; });
    perMember(text, view, "sync_last_timestamp_seconds", "When that was, Unix time.",
              [](const MemberView &member) {
                  return member.comparedMs == 0 ? std::nullopt : secondsOf(member.comparedMs);
              });
}

void addTraffic(MetricsText &text, const core::TrafficCounts &traffic)
{
    text.family("cluster_messages_total", Type::Counter,
                "Messages between members, by kind and direction.");
    for (const core::MessageCount &message : traffic.messages) {
        text.sample({{"type", message.kind}, {"direction", "sent"}}, message.sent);
        text.sample({{"type", message.kind}, {"direction", "received"}}, message.received);
    }
    text.family("cluster_bytes_total", Type::Counter, "Bytes between members, by direction.");
    text.sample({{"direction", "sent"}}, traffic.bytesSent);
    text.sample({{"direction", "received"}}, traffic.bytesReceived);
    text.gauge("cluster_links", "Connections to members that are open now.", traffic.links);
    text.counter("cluster_link_overflows_total",
                 "How often records for a member were dropped, to be fetched by comparison.",
                 traffic.overflows);
    text.counter("cluster_link_faults_total", "Links ended because of what the peer did.",
                 traffic.faults);
    text.counter("cluster_dial_failures_total", "Connections to members that did not come about.",
                 traffic.dialsFailed);
}

void addHints(MetricsText &text, const core::HintCounts &hints)
{
    text.counter("hints_replayed_total", "Keys whose record was sent to a member that was away.",
                 hints.replayed);
    text.counter("hints_dropped_total", "Keys for which there was no room, left to comparisons.",
                 hints.dropped);
}

void addSyncs(MetricsText &text, const core::SyncCounts &syncs)
{
    text.family("sync_rounds_total", Type::Counter,
                "Comparisons with a member that this node led, by result.");
    text.sample({{"result", "completed"}}, syncs.completed);
    text.sample({{"result", "failed"}}, syncs.failed);
    text.sample({{"result", "out_of_room"}}, syncs.outOfRoom);
    text.family("sync_records_total", Type::Counter, "Records that they repaired, by direction.");
    text.sample({{"direction", "fetched"}}, syncs.fetched);
    text.sample({{"direction", "given"}}, syncs.pushed);
}

} // namespace

void addStorageFamilies(MetricsText &text, const ApiContext &context)
{
    addTable(text, context);
    addFile(text, context.file.status());
    addCommits(text, context.file.metrics());
    addJobs(text, context);
}

void addClusterFamilies(MetricsText &text, const core::ClusterView &view)
{
    addMembers(text, view);
    const core::ClusterCounts &counts = view.counts;
    text.family("writes_total", Type::Counter,
                "Writes that this node coordinated, by what became of them.");
    for (std::size_t i = 0; i < counts.writes.size(); ++i) {
        const auto status = static_cast<core::WriteOutcome::Status>(i);
        text.sample({{"outcome", toText(status)}}, counts.writes[i]);
    }
    addHints(text, counts.hints);
    addSyncs(text, counts.syncs);
    addTraffic(text, counts.traffic);
    text.family("node_turn_duration_seconds", Type::Histogram,
                "How long the node thread was busy without a pause.");
    text.seconds({}, counts.turnUs);
    text.family("node_tick_late_seconds", Type::Histogram,
                "How much later than every 100 ms the node thread was served.");
    text.seconds({}, counts.tickLateUs);
}

} // namespace dynakv::http
