// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/persisted_state_codec.h"

#include "daemon/cluster/cbor_fields.h"

#include <algorithm>

namespace dynakv::cluster::cbor {

void describe(Of<core::PersistedState> auto &state, auto &&visit)
{
    visit(1, state.node);
    visit(2, state.generation);
    visit(3, state.clusterId);
    visit(4, state.clockCeiling);
    visit(5, state.caughtUpOnce);
    visit(6, state.members);
    visit(7, Optional{state.mayLack});
    visit(8, Optional{state.isForgotten});
    visit(9, Optional{state.watermark});
    visit(10, Optional{state.isMerging});
    visit(11, Optional{state.claim});
    visit(12, Optional{state.heldUpTo});
}

} // namespace dynakv::cluster::cbor

namespace dynakv::cluster {

QByteArray encodeState(const core::PersistedState &state)
{
    QByteArray bytes;
    cbor::Output out(bytes);
    cbor::writeMap(out, state);
    return bytes;
}

base::Result<core::PersistedState> decodeState(QByteArrayView bytes)
{
    auto state = cbor::parseMap<core::PersistedState>(bytes.toByteArray());
    if (!state)
        return base::Error{state.error().code,
                           "the node's stored state is damaged: " + state.error().message};
    const auto isBefore = [](const core::MemberRecord &a, const core::MemberRecord &b) {
        return a.id >= b.id;
    };
    if (std::adjacent_find(state->members.begin(), state->members.end(), isBefore) !=
        state->members.end())
        return base::Error{base::ErrorCode::Corrupt,
                           "the node's stored state is damaged: members are not sorted by id"};
    return state;
}

} // namespace dynakv::cluster
