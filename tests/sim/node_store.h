// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/member.h"
#include "daemon/core/random.h"
#include "daemon/core/record_source.h"

#include <map>
#include <vector>

namespace dynakv::sim {

using Records = std::map<QByteArray, core::Record>;

/// What a simulated machine may keep its data in, in place of the plain map.
class NodeStore
{
public:
    virtual ~NodeStore() = default;

    /// An empty disk gets this content. No process may be running.
    virtual void fill(const core::PersistedState &state, const Records &records) = 0;
    /// A new process starts from what the disk has; false if it cannot.
    virtual bool open() = 0;
    /// As it was opened.
    [[nodiscard]] virtual core::PersistedState state() const = 0;
    [[nodiscard]] virtual const core::RecordSource &source() const = 0;
    [[nodiscard]] virtual Records all() const = 0;

    /// On the disk, then in the table; false if neither.
    virtual bool commit(const std::vector<core::Record> &records) = 0;
    virtual bool save(const core::PersistedState &state) = 0;
    virtual void setTreeKey(quint64 clusterId) = 0;
    virtual void purge(quint64 watermark) = 0;
    /// Writes the file anew.
    virtual void compact() = 0;

    /// The process dies; what it has written stays.
    virtual void kill() = 0;
    /// With the power goes what was not synced, all of it or any part, torn in any way; \a
    /// unfinished is being committed in that moment.
    virtual void losePower(const std::vector<core::Record> &unfinished, core::Random &random) = 0;
};

} // namespace dynakv::sim
