// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

#include <optional>

namespace dynakv::http {

/// How many replicas the parameter \a name (`w` or `r`) asks for, 1 where it is absent.
base::Result<core::WriteConcern> concernFrom(const Query &query, const char *name,
                                             const core::ClusterView &view);

/// Takes `w`, `durability` and `timeout` over into \a write, or gives the answer that refuses them.
std::optional<HttpReply> readWriteOptions(const HttpRequest &request, const Query &query,
                                          const ApiContext &context, core::WriteRequest &write);

} // namespace dynakv::http
