// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/storage_engine.h"
#include "daemon/store/table.h"
#include "tests/sim/node_store.h"
#include "tests/support/sim_disk.h"

#include <memory>

namespace dynakv::sim {

/// The daemon's own table and data file, on a disk that forgets what was not synced.
class RealStore final : public NodeStore
{
public:
    RealStore();
    ~RealStore() override;
    RealStore(const RealStore &) = delete;
    RealStore &operator=(const RealStore &) = delete;

    void fill(const core::PersistedState &state, const Records &records) override;
    bool open() override;
    [[nodiscard]] core::PersistedState state() const override;
    [[nodiscard]] const core::RecordSource &source() const override;
    [[nodiscard]] Records all() const override;
    bool commit(const std::vector<core::Record> &records) override;
    bool save(const core::PersistedState &state) override;
    void setTreeKey(quint64 clusterId) override;
    void purge(quint64 watermark) override;
    void compact() override;
    void kill() override;
    void losePower(const std::vector<core::Record> &unfinished, core::Random &random) override;

private:
    /// One life of the process.
    struct Life
    {
        store::Table table = {};
        std::unique_ptr<storage::StorageEngine> engine = {};
    };
    bool commit(storage::CommitRequest request);

    std::unique_ptr<test::SimDisk> m_disk;
    std::unique_ptr<Life> m_life;
};

} // namespace dynakv::sim
