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

/// What the outcome of a write is to its client.
HttpReply putReply(const FinishedWrite &write);
HttpReply deleteReply(const FinishedWrite &write);

} // namespace dynakv::http
