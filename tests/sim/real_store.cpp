// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/real_store.h"

#include "daemon/cluster/persisted_state_codec.h"

namespace dynakv::sim {
namespace {

constexpr int kPurgesAtOnce = 64; ///< As the daemon does it, in slices.

QString directory()
{
    return QStringLiteral("/data");
}

std::optional<core::PersistedState> stateIn(const storage::Metas &metas)
{
    const auto stored = metas.find(cluster::kStateMetaName.toByteArray());
    if (stored == metas.end())
        return std::nullopt;
    auto state = cluster::decodeState(stored->second);
    return state ? std::optional(*std::move(state)) : std::nullopt;
}

} // namespace

RealStore::RealStore()
    : m_disk(std::make_unique<test::SimDisk>())
{
}

RealStore::~RealStore()
{
    kill();
}

void RealStore::fill(const core::PersistedState &state, const Records &records)
{
    kill();
    m_disk = std::make_unique<test::SimDisk>();
    if (!open())
        return;
    std::vector<core::Record> all;
    for (const auto &[key, record] : records)
        all.push_back(record);
    if (!all.empty())
        commit(all);
    save(state);
    kill();
}

bool RealStore::open()
{
    m_life = std::make_unique<Life>();
    storage::StorageEngine::Options options;
    options.recovery.treeKeyOf = [](const storage::Metas &metas) {
        const auto state = stateIn(metas);
        return state ? state->clusterId : 0;
    };
    m_life->engine =
        std::make_unique<storage::StorageEngine>(*m_disk, m_life->table, std::move(options));
    const auto report = m_life->engine->open(directory(), {QByteArray(16, 'f'), 1});
    // What is synced before it is acknowledged is never cut off with doubts.
    return report.ok() && !report->mayLack;
}

core::PersistedState RealStore::state() const
{
    return stateIn(m_life->engine->metas()).value_or(core::PersistedState());
}

const core::RecordSource &RealStore::source() const
{
    return m_life->table;
}

Records RealStore::all() const
{
    constexpr int kVisits = 1000;
    Records records;
    for (int number = 0; number < core::kPartitionCount; ++number) {
        QByteArray after;
        do {
            const auto slice = m_life->table.stamps(static_cast<quint8>(number),
                                                    core::LeafSet().set(), after, kVisits);
            for (const core::KeyStamp &stamp : slice.stamps)
                records[stamp.key] = *m_life->table.find(stamp.key);
            after = slice.reached;
        } while (!after.isEmpty());
    }
    return records;
}

bool RealStore::commit(storage::CommitRequest request)
{
    const auto results = m_life->engine->commit({std::move(request)});
    return results.front().status == storage::CommitResult::Status::Done;
}

bool RealStore::commit(const std::vector<core::Record> &records)
{
    return commit(storage::CommitRequest{records, {}, {}});
}

bool RealStore::save(const core::PersistedState &state)
{
    storage::CommitRequest request;
    request.metas[cluster::kStateMetaName.toByteArray()] = cluster::encodeState(state);
    request.durability = core::Durability::Sync;
    return commit(std::move(request));
}

void RealStore::setTreeKey(quint64 clusterId)
{
    m_life->table.setTreeKey(clusterId);
}

void RealStore::purge(quint64 watermark)
{
    while (m_life->table.purge(watermark, kPurgesAtOnce) == kPurgesAtOnce) {
    }
}

void RealStore::compact()
{
    auto writer = m_life->engine->beginRewrite();
    if (!writer)
        return;
    for (auto stepped = (*writer)->step(); stepped && !*stepped; stepped = (*writer)->step()) {
    }
    if (!(*writer)->copyLog(m_life->engine->logEnd()) || !m_life->engine->finishRewrite(**writer))
        m_life->engine->abandonRewrite();
}

void RealStore::kill()
{
    m_disk->killProcess(); // Before the engine could end in an orderly way.
    m_life.reset();
}

void RealStore::losePower(const std::vector<core::Record> &unfinished, core::Random &random)
{
    constexpr quint64 kCallsOfACommit = 4;
    constexpr int kRounds = 3;
    if (m_life && !unfinished.empty()) {
        m_disk->powerOffAtCall(m_disk->callCount() + 1 +
                               static_cast<int>(random.below(kCallsOfACommit)));
        commit(unfinished);
    }
    const auto images = m_disk->crashImages(random.next(), kRounds);
    kill();
    m_disk = std::make_unique<test::SimDisk>(images[random.below(images.size())]);
}

} // namespace dynakv::sim
