// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/http/http_message.h"

namespace dynakv::http {

/// A write that has an outcome.
struct FinishedWrite
{
    QByteArray key = {};
    core::WriteOutcome outcome = {};
    core::Readiness readiness = core::Readiness::Ready; ///< Of this node, now.
    QByteArray requestId = {};
};

/// Why a write is not known to be done, as every answer tells it.
struct WriteFailure
{
    int status = 503;
    QByteArray code = {};
    QByteArray detail = {};
};

/// Of an outcome other than Done. \a readiness: of this node, now.
WriteFailure failureOf(const core::WriteOutcome &outcome, core::Readiness readiness);
/// The answer to a write, or to several, of which \a write is the first that is not known to be
/// done.
HttpReply failureReply(const FinishedWrite &write);
/// `DynaKV-Durability`: what held for \a outcome.
void addDurability(HttpReply &reply, const core::WriteOutcome &outcome);

/// What the outcome of a write is to its client.
HttpReply putReply(const FinishedWrite &write);
HttpReply deleteReply(const FinishedWrite &write);

} // namespace dynakv::http
