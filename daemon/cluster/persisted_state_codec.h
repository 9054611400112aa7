// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/member.h"
#include "shared/base/result.h"

#include <QByteArray>

namespace dynakv::cluster {

/// The name under which storage keeps the node's state.
inline constexpr QByteArrayView kStateMetaName("state");

/// The node's identity and member table as one CBOR map (docs/formats/cluster_wire.md). Unknown
/// keys are ignored, so that an older program reads what a newer one stored.
QByteArray encodeState(const core::PersistedState &state);
/// Corrupt where the bytes are not exactly one such map.
base::Result<core::PersistedState> decodeState(QByteArrayView bytes);

} // namespace dynakv::cluster
