// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `GET /metrics`: everything that is counted, in the text format of Prometheus.
Answer getMetrics(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
