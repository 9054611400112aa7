// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/storage/crash_sweep.h"

#include <random>

namespace dynakv::test {
namespace {

using storage::CommitRequest;
using storage::CommitResult;
using storage::StorageEngine;

constexpr int kStartsMax = 3;
constexpr qint64 kReserveBytes = 1024;
constexpr std::size_t kMaybeMax = 4;

QString directory()
{
    return QStringLiteral("/data/node");
}

QString filePath()
{
    return directory() + QStringLiteral("/storage.db");
}

storage::FileIdentity identity()
{
    return {QByteArray("0123456789abcdef"), 1'700'000'000'000};
}

core::Record makeRecord(int key, quint64 clock, qsizetype valueBytes)
{
    core::Record record;
    record.key = "key" + QByteArray::number(key);
    record.version = {clock, 7};
    record.value = QByteArray::number(clock).repeated(valueBytes / 4 + 1);
    return record;
}

core::Record makeTombstone(int key, quint64 clock)
{
    core::Record record = makeRecord(key, clock, 0);
    record.kind = core::RecordKind::Tombstone;
    record.value.clear();
    return record;
}

/// One life of the process: an engine and its table.
struct Life
{
    Life(SimDisk &disk, core::Durability durability)
        : engine(disk, table, {durability, {1, {}}, kReserveBytes})
    {
    }
    /// Ends what is under way: the writer refers to the engine's table.
    ~Life() { writer.reset(); }
    Life(const Life &) = delete;
    Life &operator=(const Life &) = delete;
    base::Result<storage::OpenReport> open() { return engine.open(directory(), identity()); }
    [[nodiscard]] DbState state() const
    {
        DbState state = {{}, engine.metas()};
        for (int partition = 0; partition < core::kPartitionCount; ++partition) {
            const auto slice =
                table.stamps(static_cast<quint8>(partition), core::LeafSet().set(), {}, 1000);
            for (const core::KeyStamp &stamp : slice.stamps)
                state.records[stamp.key] = *table.find(stamp.key);
        }
        return state;
    }

    void beginRewrite()
    {
        auto begun = engine.beginRewrite();
        if (begun)
            writer = *std::move(begun);
    }
    /// Half of the base; an error ends the rewriting, as the daemon does it.
    void stepRewrite(int steps)
    {
        for (int i = 0; writer && i < steps; ++i) {
            const auto stepped = writer->step();
            if (!stepped)
                abandonRewrite();
            else if (*stepped)
                return;
        }
    }
    bool finishRewrite()
    {
        constexpr int kForEver = 1'000'000;
        stepRewrite(kForEver);
        if (writer && !writer->copyLog(engine.logEnd()))
            abandonRewrite();
        if (!writer)
            return false;
        const bool isDone = engine.finishRewrite(*writer).ok();
        if (!isDone)
            engine.abandonRewrite();
        writer.reset();
        return isDone;
    }
    void abandonRewrite()
    {
        writer.reset();
        engine.abandonRewrite();
    }

    store::Table table;
    StorageEngine engine;
    std::unique_ptr<storage::SnapshotWriter> writer;
};

qint64 recordsIn(const Attempt &attempt)
{
    qint64 records = 0;
    for (const CommitRequest &request : attempt.batch)
        records += static_cast<qint64>(request.records.size());
    return records;
}

/// Whether \a state and \a records are what some allowed set of attempts leads to: all that is safe
/// and acknowledged up to a point, and of what failed with bytes written any part up to there.
bool isExplained(const Run &run, bool mustHaveAll, const DbState &state, qint64 records)
{
    std::size_t first = 0;
    std::vector<std::size_t> maybe;
    for (std::size_t i = 0; i < run.attempts.size(); ++i) {
        const Attempt &attempt = run.attempts[i];
        if (attempt.isSafe || (mustHaveAll && attempt.isAcknowledged))
            first = i + 1;
        if (attempt.mayBeThere)
            maybe.push_back(i);
    }
    if (maybe.size() > kMaybeMax)
        return false;
    for (std::size_t end = first; end <= run.attempts.size(); ++end) {
        for (unsigned chosen = 0; chosen < (1U << maybe.size()); ++chosen) {
            DbState expected;
            qint64 expectedRecords = 0;
            std::size_t bit = 0;
            for (std::size_t i = 0; i < end; ++i) {
                const Attempt &attempt = run.attempts[i];
                const bool isChosen = attempt.mayBeThere && ((chosen >> bit++) & 1U) != 0;
                if (!attempt.isAcknowledged && !isChosen)
                    continue;
                expectedRecords += recordsIn(attempt);
                for (const CommitRequest &request : attempt.batch)
                    expected.apply(request);
            }
            const bool isCountRight = run.wasRewritten || expectedRecords == records;
            if (isCountRight && expected == state)
                return true;
        }
    }
    return false;
}

void markSafe(Run &run)
{
    for (Attempt &attempt : run.attempts)
        attempt.isSafe = attempt.isAcknowledged;
}

} // namespace

void DbState::apply(const CommitRequest &request)
{
    for (const core::Record &record : request.records) {
        const auto at = records.find(record.key);
        if (at == records.end() || core::stampOf(at->second) < core::stampOf(record))
            records[record.key] = record;
    }
    for (const auto &[name, value] : request.metas)
        metas[name] = value;
}

Workload scriptedWorkload()
{
    const auto commit = [](std::vector<core::Record> records, storage::Metas metas = {}) {
        return Step{Step::Kind::Commit, {CommitRequest{std::move(records), std::move(metas)}}};
    };
    const auto act = [](Step::Kind kind) { return Step{kind, {}}; };
    Step group = commit({makeRecord(1, 3, 20), makeRecord(2, 4, 20)});
    group.batch.push_back({{makeRecord(3, 5, 100)}, {}});
    group.batch.push_back({{}, {{"members", "one"}}});
    core::Record expiring = makeRecord(4, 6, 10);
    expiring.expiresAtMs = 5;
    expiring.contentType = "text/plain";
    expiring.context = "context";
    Step weak = commit({makeRecord(7, 13, 30)});
    weak.batch.front().durability = core::Durability::Os;
    return {commit({}, {{"identity", "me"}}),
            commit({makeRecord(1, 2, 20)}),
            group,
            act(Step::Kind::Sync),
            commit({expiring}),
            commit({makeRecord(5, 7, 2500)}),
            act(Step::Kind::Mark),
            commit({makeTombstone(1, 8)}, {{"members", "two"}}),
            act(Step::Kind::Restart),
            commit({makeRecord(2, 9, 700)}),
            act(Step::Kind::BeginRewrite),
            act(Step::Kind::StepRewrite),
            commit({makeTombstone(3, 10), makeTombstone(2, 11)}),
            act(Step::Kind::Sync),
            act(Step::Kind::StepRewrite),
            commit({makeRecord(8, 12, 30)}, {{"members", "three"}}),
            act(Step::Kind::FinishRewrite),
            weak,
            act(Step::Kind::Kill),
            commit({makeRecord(6, 14, 30)}),
            act(Step::Kind::BeginRewrite),
            act(Step::Kind::FinishRewrite),
            commit({makeRecord(1, 15, 1)})};
}

Workload randomWorkload(quint64 seed, int steps)
{
    std::mt19937_64 random(seed);
    const auto below = [&random](quint64 end) { return static_cast<int>(random() % end); };
    Workload workload;
    quint64 clock = 0;
    for (int i = 0; i < steps; ++i) {
        Step step;
        const int kind = below(16);
        if (kind == 0)
            step.kind = Step::Kind::Restart;
        else if (kind == 1)
            step.kind = Step::Kind::Kill;
        else if (kind == 2)
            step.kind = Step::Kind::Sync;
        else if (kind == 3)
            step.kind = Step::Kind::BeginRewrite;
        else if (kind == 4)
            step.kind = Step::Kind::StepRewrite;
        else if (kind == 5)
            step.kind = Step::Kind::FinishRewrite;
        else if (kind == 6)
            step.kind = Step::Kind::Mark;
        // One promise for each step, so that it is kept or not as a whole.
        const int requests = step.kind == Step::Kind::Commit ? 1 + below(3) : 0;
        const bool isWeak = below(5) == 0;
        for (int request = 0; request < requests; ++request) {
            CommitRequest made;
            for (int record = 1 + below(3); record > 0; --record) {
                ++clock;
                made.records.push_back(
                    below(4) == 0 ? makeTombstone(below(6), clock)
                                  : makeRecord(below(6), clock, below(4) == 0 ? 1500 : 20));
            }
            if (below(5) == 0)
                made.metas["members"] = QByteArray::number(clock);
            if (isWeak)
                made.durability = core::Durability::Os;
            step.batch.push_back(std::move(made));
        }
        workload.push_back(std::move(step));
    }
    return workload;
}

CrashSweep::CrashSweep(Workload workload, Options options)
    : m_workload(std::move(workload))
    , m_options(options)
{
}

Run CrashSweep::run(SimDisk &disk)
{
    Run run;
    DbState visible;
    std::unique_ptr<Life> life;
    int healedSyncs = 0;
    const auto hasFailedSync = [&] { return disk.failedSyncCount(filePath()) > healedSyncs; };
    const auto isSynced = [this](const Step &step) {
        const auto wanted = step.batch.front().durability.value_or(m_options.durability);
        return wanted == core::Durability::Sync;
    };
    const auto start = [&] {
        for (int i = 0; i < kStartsMax && !disk.isOff(); ++i) {
            life.reset();
            life = std::make_unique<Life>(disk, m_options.durability);
            if (life->open()) {
                run.wasOpened = true;
                // Beyond a failed sync, what was acknowledged without one is promised no more.
                if (!hasFailedSync())
                    markSafe(run);
                visible = life->state();
                return true;
            }
        }
        life.reset();
        return false;
    };
    if (!start())
        return run;
    for (const Step &step : m_workload) {
        if (disk.isOff())
            break;
        switch (step.kind) {
        case Step::Kind::Commit: {
            const int writes = disk.wholeWriteCount();
            const auto results = life->engine.commit(step.batch);
            Attempt attempt = {step.batch, true, false, false};
            for (const CommitResult &result : results)
                attempt.isAcknowledged &= result.status == CommitResult::Status::Done;
            attempt.isSafe = attempt.isAcknowledged && isSynced(step);
            attempt.mayBeThere = !attempt.isAcknowledged && disk.wholeWriteCount() != writes;
            run.attempts.push_back(attempt);
            if (attempt.isAcknowledged) {
                for (const CommitRequest &request : step.batch)
                    visible.apply(request);
            }
            if (life->state() != visible)
                run.violations.push_back("readers see what is not acknowledged, or not all of it");
            break;
        }
        case Step::Kind::Sync:
            if (!life->engine.hasUnsynced())
                break;
            if (life->engine.sync() && !hasFailedSync())
                markSafe(run);
            break;
        case Step::Kind::Mark:
            life->engine.mark();
            break;
        case Step::Kind::BeginRewrite:
            life->beginRewrite();
            break;
        case Step::Kind::StepRewrite:
            life->stepRewrite(128);
            break;
        case Step::Kind::FinishRewrite:
            // Even one that fails may have got its name.
            run.wasRewritten = true;
            if (!life->finishRewrite())
                break;
            ++m_swaps;
            // It holds all that readers see and was synced as a whole.
            healedSyncs = disk.failedSyncCount(filePath());
            markSafe(run);
            if (life->state() != visible)
                run.violations.push_back("a rewriting changed what readers see");
            break;
        case Step::Kind::Kill:
            disk.killProcess();
            [[fallthrough]];
        case Step::Kind::Restart:
            life.reset();
            if (!start())
                return run;
            break;
        }
    }
    if (life && life->engine.hasUnsynced() && !disk.isOff())
        disk.killProcess();
    return run;
}

void CrashSweep::violated(const QByteArray &where, const QByteArray &what)
{
    m_violations.push_back(where + ": " + what);
}

void CrashSweep::cutPowerAtEveryCall()
{
    for (int call = 1; !isDone(); ++call) {
        SimDisk disk;
        disk.powerOffAtCall(call);
        const Run result = run(disk);
        const QByteArray where = "power cut at call " + QByteArray::number(call);
        for (const QByteArray &violation : result.violations)
            violated(where, violation);
        checkImages(disk, result, where);
        if (!disk.isOff())
            break;
    }
}

void CrashSweep::failEveryCall()
{
    constexpr int kForEver = 1'000'000;
    for (const auto fault :
         {SimDisk::Fault::Io, SimDisk::Fault::NoSpace, SimDisk::Fault::ShortWrite}) {
        for (const int count : {1, 3, kForEver}) {
            // Three in a row are for a disk that is full for a while, not for one that lies twice.
            if (count == 3 && fault != SimDisk::Fault::ShortWrite)
                continue;
            for (int call = 1; !isDone(); ++call) {
                SimDisk disk;
                disk.failCalls(call, count, fault);
                Run result = run(disk);
                result.hadFailedSync = disk.failedSyncCount(filePath()) > 0;
                const QByteArray where = "fault " + QByteArray::number(static_cast<int>(fault)) +
                                         " at call " + QByteArray::number(call) + " for " +
                                         QByteArray::number(count);
                for (const QByteArray &violation : result.violations)
                    violated(where, violation);
                checkImages(disk, result, where);
                if (disk.callCount() < call)
                    break;
            }
        }
    }
}

void CrashSweep::damageEveryByte()
{
    SimDisk disk;
    const Run clean = run(disk);
    const DiskImage image = disk.liveImage();
    // Alone in its mode, a synced file lets nothing but its last frame pass for a torn tail.
    SimDisk reader(image);
    Life life(reader, core::Durability::Sync);
    if (!life.open())
        return violated("damage", "the undamaged file is refused");
    const DbState whole = life.state();
    const QByteArray file = image.files.at(filePath());
    const auto superblock =
        storage::decodeSuperblock(QByteArrayView(file).first(storage::kSuperblockBytes));
    if (!superblock)
        return violated("damage", "the undamaged superblock is refused");
    const quint32 fileSeed = storage::chainAtStart(identity(), superblock->generation).fileSeed;
    qint64 lastSynced = 0;
    for (qint64 at = storage::kDataOffset; at < file.size(); at += storage::kFrameAlignment) {
        const QByteArrayView rest = QByteArrayView(file).sliced(at);
        if (const auto header = storage::readFrameHeader(rest, fileSeed, at))
            lastSynced = qMax(lastSynced, header->syncedOffset);
    }
    for (qint64 at = 0; at < file.size() && !isDone(); ++at) {
        const qint64 inBlock = at % storage::kSuperblockBytes;
        if (at < storage::kDataOffset && inBlock > 200 && inBlock < storage::kSuperblockBytes - 8 &&
            at % 64 != 0)
            continue;
        damageByte(image, at, whole, at < lastSynced);
    }
}

void CrashSweep::damageByte(const DiskImage &image, qint64 at, const DbState &whole, bool isSafe)
{
    DiskImage damaged = image;
    QByteArray &bytes = damaged.files.at(filePath());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    m_distinct.insert(damaged.hash());
    ++m_recoveries;
    const QByteArray where = "damage at byte " + QByteArray::number(at);
    SimDisk victim(damaged);
    {
        Life again(victim, core::Durability::Sync);
        const auto opened = again.open();
        if (at < storage::kDataOffset) {
            if (!opened || !opened->isSuperblockDamaged || again.state() != whole)
                violated(where, "the second superblock does not help");
            return;
        }
        if (!isSafe) {
            if (!opened || opened->tornBytes == 0)
                violated(where, "the unproven tail is not repaired");
            return;
        }
        if (opened)
            violated(where, again.state() == whole ? "damage passed unseen" : "data was dropped");
        else if (opened.error().code != base::ErrorCode::Corrupt &&
                 opened.error().code != base::ErrorCode::Unsupported)
            violated(where, "the error is not Corrupt: " + opened.error().message);
    }
    if (victim.liveImage().files.at(filePath()) != bytes)
        violated(where, "the refused file was changed");
}

void CrashSweep::garbleEveryRewriteWrite()
{
    for (int write = 1; !isDone(); ++write) {
        SimDisk disk;
        disk.garbleWrite(filePath() + QStringLiteral(".new"), write);
        const Run result = run(disk);
        const QByteArray where = "garbled write " + QByteArray::number(write);
        for (const QByteArray &violation : result.violations)
            violated(where, violation);
        if (!disk.wasGarbled())
            break;
        // The first one is of the founding, which has a second superblock.
        checkImage(disk.liveImage(), result, End::Killed, where, false);
    }
}

void CrashSweep::checkImages(const SimDisk &disk, const Run &run, const QByteArray &where)
{
    if (!disk.isOff())
        checkImage(disk.liveImage(), run, End::Killed, where + ", killed", false);
    const auto images =
        disk.crashImages(m_options.seed + static_cast<quint64>(disk.callCount()), m_options.rounds);
    std::unordered_set<quint64> seen;
    for (const DiskImage &image : images) {
        if (isDone())
            return;
        if (!seen.insert(image.hash()).second)
            continue;
        checkImage(image, run, End::PowerCut, where + ", image " + QByteArray::number(seen.size()),
                   true);
    }
}

void CrashSweep::checkImage(const DiskImage &image, const Run &run, End end,
                            const QByteArray &where, bool mayNest)
{
    m_distinct.insert(image.hash());
    ++m_recoveries;
    const auto file = image.files.find(filePath());
    SimDisk disk(image);
    DbState state;
    storage::OpenReport report;
    {
        Life life(disk, m_options.durability);
        const auto opened = life.open();
        if (!opened) {
            // A failed sync whose frames were acknowledged before it, in these modes: refused, not
            // lost.
            const bool isAllowed = run.hadFailedSync &&
                                   m_options.durability != core::Durability::Sync &&
                                   opened.error().code == base::ErrorCode::Corrupt;
            if (!isAllowed)
                violated(where, "refused: " + opened.error().message);
            return;
        }
        report = *opened;
        state = life.state();
    }
    if (!isExplained(run, end == End::Killed, state, report.records))
        violated(where, "the state is none that the commits lead to");
    if (report.isNew != (file == image.files.end()) || (report.isNew && run.wasOpened))
        violated(where, "a new file, though there was one");
    if (!report.isNew) {
        // Behind what was torn there are nothing but zeros.
        QByteArray rest = file->second.sliced(report.fileBytes + report.tornBytes);
        const bool endsInTorn =
            report.tornBytes == 0 || file->second[report.fileBytes + report.tornBytes - 1] != '\0';
        if (!endsInTorn || rest != QByteArray(rest.size(), '\0'))
            violated(where, "the report is not true");
    }
    const DiskImage after = disk.liveImage();
    if (report.tornBytes > 0) {
        ++m_repairs;
        const auto kept = after.files.find(report.tornKeptAt);
        if (kept == after.files.end() ||
            kept->second != file->second.sliced(report.fileBytes, report.tornBytes))
            violated(where, "the torn tail was not kept");
    }
    if (disk.crashImages(m_options.seed, 2) != std::vector<DiskImage>{after})
        violated(where, "something of the repair is not safe");
    checkGoingOn(disk, state, where);
    const bool isWorthCrashing = report.tornBytes > 0 || report.isNew;
    if (mayNest && isWorthCrashing && m_repairs % m_options.nestedEvery == 0)
        crashRecovery(image, run, end, where);
}

void CrashSweep::checkGoingOn(SimDisk &disk, const DbState &state, const QByteArray &where)
{
    const DiskImage before = disk.liveImage();
    {
        Life second(disk, core::Durability::Sync);
        const auto opened = second.open();
        if (!opened || opened->tornBytes != 0 || opened->isNew || second.state() != state ||
            disk.liveImage() != before)
            return violated(where, "a second start changes something");
        DbState more = state;
        const CommitRequest request = {{makeRecord(99, 1'000'000, 40)}, {}};
        more.apply(request);
        const auto results = second.engine.commit({request});
        if (results.front().status != CommitResult::Status::Done || second.state() != more)
            return violated(where, "no commit after recovery");
    }
    Life third(disk, core::Durability::Sync);
    if (!third.open() || third.state().records.size() != state.records.size() + 1)
        violated(where, "what was committed after recovery is not there");
}

void CrashSweep::crashRecovery(const DiskImage &image, const Run &run, End end,
                               const QByteArray &where)
{
    std::unordered_set<quint64> seen;
    for (int call = 1; !isDone(); ++call) {
        SimDisk disk(image);
        disk.powerOffAtCall(call);
        {
            Life life(disk, m_options.durability);
            (void)life.open();
        }
        const auto images = disk.crashImages(m_options.seed + static_cast<quint64>(call), 2);
        for (const DiskImage &next : images) {
            if (!seen.insert(next.hash()).second)
                continue;
            ++m_nested;
            checkImage(next, run, end, where + ", then at call " + QByteArray::number(call), false);
        }
        if (!disk.isOff())
            return;
    }
}

} // namespace dynakv::test
