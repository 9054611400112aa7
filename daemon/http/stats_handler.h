// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `GET /v1/stats`: what this node holds, in memory and in its file, and how its work goes.
Answer getStats(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
