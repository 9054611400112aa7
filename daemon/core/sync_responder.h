// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/message.h"
#include "daemon/core/record_source.h"

/// The answering side of anti-entropy: pure functions of the request and the table, so that a
/// leader that vanishes leaves nothing behind.
namespace dynakv::core {

/// \a caughtUp: whether this node held all that the cluster held.
RootsReply answer(const RootsRequest &request, const RecordSource &records, bool caughtUp,
                  quint64 promise, const Holdings &holdings);
LeavesReply answer(const LeavesRequest &request, const RecordSource &records);
StampsReply answer(const StampsRequest &request, const RecordSource &records, quint64 watermark);
FetchReply answer(const FetchRequest &request, const RecordSource &records);

} // namespace dynakv::core
