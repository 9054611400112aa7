// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/metrics_text.h"

/// The families of `GET /metrics`, by what they tell of. Their labels have few values, none of them
/// chosen by a client; every series is there from the start, so that its first increase is seen.
namespace dynakv::http {

/// Requests and connections of this node's API.
void addHttpFamilies(MetricsText &text, const HttpMetrics &metrics);
/// The process and its build.
void addProcessFamilies(MetricsText &text, const ApiContext &context);
/// The table in memory and the data file.
void addStorageFamilies(MetricsText &text, const ApiContext &context);
/// The cluster, as this node's thread last told it (at most a second ago).
void addClusterFamilies(MetricsText &text, const core::ClusterView &view);

} // namespace dynakv::http
