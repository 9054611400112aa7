// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/storage_engine.h"
#include "tests/support/sim_disk.h"

#include <unordered_set>

namespace dynakv::test {

/// One act of a workload.
struct Step
{
    enum class Kind : quint8 {
        Commit,        ///< One group commit.
        Sync,          ///< What `interval` does every second.
        Restart,       ///< A clean stop and a start.
        Kill,          ///< kill -9 and a start: nothing is lost, nothing is synced.
        BeginRewrite,  ///< A compaction, or a healing where the file is broken,
        StepRewrite,   ///< half of its base,
        FinishRewrite, ///< and the rest of it, up to the swap.
        Mark,          ///< What the worker does when it is idle.
    };
    Kind kind = Kind::Commit;
    std::vector<storage::CommitRequest> batch = {};
};
using Workload = std::vector<Step>;

/// Puts, overwrites, deletes, metas, batches, a value of several sectors, restarts, and compaction
/// with commits and deletes in between.
Workload scriptedWorkload();
/// The same from a seed; \a withKills lets the process die in between.
Workload randomWorkload(quint64 seed, int steps);

/// What a database holds, in the plainest form.
struct DbState
{
    std::map<QByteArray, core::Record> records = {};
    storage::Metas metas = {};
    bool operator==(const DbState &) const = default;

    void apply(const storage::CommitRequest &request);
};

/// One commit as its caller saw it.
struct Attempt
{
    std::vector<storage::CommitRequest> batch = {};
    bool isAcknowledged = false;
    bool isSafe = false;     ///< A successful sync followed it.
    bool mayBeThere = false; ///< Not acknowledged, but the whole frame was written.
};

/// What happened in one run of a workload on one disk.
struct Run
{
    bool wasOpened = false;
    bool hadFailedSync = false;
    bool wasRewritten = false; ///< Superseded records are gone, so they cannot be counted.
    std::vector<Attempt> attempts = {};
    std::vector<QByteArray> violations = {};
};

/// Crashes a workload at every file-system call in every way that SimDisk knows, recovers, and
/// compares with the model: the state is one that the acknowledged commits lead to, nothing that
/// was safe is missing, the report is true, a second start changes nothing, and writing goes on.
class CrashSweep
{
public:
    struct Options
    {
        core::Durability durability = core::Durability::Sync;
        quint64 seed = 1;
        int rounds = 30;           ///< Random losses for each crash.
        int nestedEvery = 150;     ///< Every how many repairs are themselves crashed.
        bool stopsAtFirst = false; ///< After the first violation nothing more is tried.
    };

    CrashSweep(Workload workload, Options options);

    /// The power goes at each call in turn.
    void cutPowerAtEveryCall();
    /// Each call in turn fails, once or from then on, and the workload goes on.
    void failEveryCall();
    /// Each byte behind the superblocks, and some of them, is damaged after a clean stop.
    void damageEveryByte();
    /// Each write of each rewriting reaches the disk with a wrong bit, which nobody reports.
    void garbleEveryRewriteWrite();

    [[nodiscard]] const std::vector<QByteArray> &violations() const { return m_violations; }
    [[nodiscard]] qint64 recoveries() const { return m_recoveries; }
    [[nodiscard]] const std::unordered_set<quint64> &distinctImages() const { return m_distinct; }
    [[nodiscard]] qint64 repairs() const { return m_repairs; }
    [[nodiscard]] qint64 nestedRecoveries() const { return m_nested; }
    /// Rewritings that were swapped in.
    [[nodiscard]] qint64 swaps() const { return m_swaps; }

private:
    enum class End : quint8 { PowerCut, Killed };

    Run run(SimDisk &disk);
    [[nodiscard]] bool isDone() const { return m_options.stopsAtFirst && !m_violations.empty(); }
    void violated(const QByteArray &where, const QByteArray &what);
    void checkImages(const SimDisk &disk, const Run &run, const QByteArray &where);
    void checkImage(const DiskImage &image, const Run &run, End end, const QByteArray &where,
                    bool mayNest);
    void damageByte(const DiskImage &image, qint64 at, const DbState &whole, bool isSafe);
    void checkGoingOn(SimDisk &disk, const DbState &state, const QByteArray &where);
    void crashRecovery(const DiskImage &image, const Run &run, End end, const QByteArray &where);

    Workload m_workload;
    Options m_options;
    std::vector<QByteArray> m_violations;
    std::unordered_set<quint64> m_distinct;
    qint64 m_recoveries = 0;
    qint64 m_repairs = 0;
    qint64 m_nested = 0;
    qint64 m_swaps = 0;
};

} // namespace dynakv::test
