// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/origin_rule.h"

namespace dynakv::app {
namespace {

bool hasMeta(const storage::Metas &metas, QByteArrayView name)
{
    const auto at = metas.find(name.toByteArray());
    return at != metas.end() && !at->second.isEmpty();
}

/// Old versions must not come among those of a cluster that went on without them: what it deleted
/// meanwhile would be back.
bool joinsRestored(const DataOrigin &origin)
{
    return hasMeta(origin.metas, storage::kRestoredMetaName) && origin.hasJoin &&
           origin.state.members.size() <= 1;
}

/// Who lost its identity together with data would found a cluster beside its own, and answer as if
/// it were whole. An end that was torn before anything was stored is no loss.
bool foundsRecovered(const DataOrigin &origin)
{
    const bool hasLost = origin.state.mayLack &&
                         (hasMeta(origin.metas, storage::kLossMetaName) || origin.records > 0);
    return hasLost && origin.state.clusterId == 0 && !origin.hasJoin;
}

/// The cluster that its data came from goes on; what is wanted here is a member of that.
bool foundsBesideForgotten(const DataOrigin &origin)
{
    return origin.hasSetAside && origin.state.clusterId == 0 && !origin.hasJoin;
}

} // namespace

std::optional<StartFailure> refusedByOrigin(const DataOrigin &origin)
{
    if (joinsRestored(origin)) {
        return StartFailure{ExitCode::Unsafe,
                            "refused to join: this data directory was restored from a backup, and "
                            "its old values would come back as if they were new; start it without "
                            "JOIN, where a whole cluster is gone, or bring values into a cluster "
                            "that lives with `dynakvd export` and `dynakvd import`"};
    }
    if (foundsRecovered(origin)) {
        return StartFailure{ExitCode::Unsafe,
                            "refused to found a new cluster: the data file was put together by "
                            "`dynakvd recover`, and the node's identity is among what was lost; "
                            "start it with a member of its cluster to JOIN, or, where none is "
                            "left, make a new node of the file with `dynakvd restore`"};
    }
    if (foundsBesideForgotten(origin)) {
        return StartFailure{ExitCode::Unsafe,
                            "refused to found a new cluster: in this data directory lies the file "
                            "of a node that its cluster goes on without; start with a member of "
                            "that cluster to JOIN, or move the file away"};
    }
    return std::nullopt;
}

} // namespace dynakv::app
