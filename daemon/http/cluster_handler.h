// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `GET /membership`: the API addresses of the alive and suspect members, sorted bytewise.
Answer getMembership(const HttpRequest &request, const Query &query, const ApiContext &context);

/// `GET /v1/cluster`: every known member as this node sees it.
Answer getCluster(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
