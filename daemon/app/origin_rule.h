// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/exit_code.h"
#include "daemon/core/member.h"
#include "daemon/storage/commit.h"

#include <optional>

namespace dynakv::app {

/// Where the data that a node starts with comes from, and where it is to go.
struct DataOrigin
{
    const storage::Metas &metas;       ///< As the file has them.
    const core::PersistedState &state; ///< New, where the file has none.
    qint64 records = 0;
    bool hasJoin = false;
    bool hasSetAside = false; ///< The directory has the file of a node that was forgotten.
};

/// What was restored joins no cluster, what was recovered founds none by
/// accident, nor does whoever follows a node that was forgotten. Nothing where
/// the start may go on.
std::optional<StartFailure> refusedByOrigin(const DataOrigin &origin);

} // namespace dynakv::app
