// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/exit_code.h"
#include "shared/base/endpoint.h"

#include <optional>
#include <vector>

/// What the machine says about the addresses that the options name.
namespace dynakv::app {

/// \a listen with an IP literal for its host: `localhost` is 127.0.0.1, a name its first address,
/// IPv4 before IPv6. May ask a name server, so only at the start.
base::Result<base::Endpoint> resolveListen(const base::Endpoint &listen);

/// Binds both ports for a moment, so that a port that is taken is reported before a long recovery
/// and not after it.
std::optional<StartFailure> probeAddresses(const base::Endpoint &api,
                                           const base::Endpoint &cluster);

/// How this machine is called, by itself: its interfaces' addresses, its name and localhost.
std::vector<QByteArray> ownHosts();

/// The members to join, without what points back at \a listen (an ENTRYPOINT that repeats it, one
/// list of members given to all of them), and what was done about those, for the log.
struct JoinPlan
{
    std::vector<base::JoinTarget> targets = {};
    std::vector<QByteArray> remarks = {};
    bool operator==(const JoinPlan &) const = default;
};
/// Pure. A wildcard with another port means another node of this machine.
JoinPlan planJoin(const std::vector<base::JoinTarget> &asked, const base::Endpoint &listen,
                  const std::vector<QByteArray> &ownHosts);

} // namespace dynakv::app
