// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/api/cluster_status.h"
#include "shared/base/result.h"
#include "shared/client/answer.h"
#include "shared/client/request.h"

#include <vector>

/// What the bodies and fields of good answers say. Whatever a node sends: an error that begins "the
/// answer is not" where it is nothing of this API.
namespace dynakv::client {

base::Result<base::api::ClusterStatus> readCluster(const Exchange &exchange);
base::Result<base::api::KeyPage> readPage(const Exchange &exchange);
base::Result<Value> readValue(const Exchange &exchange);
base::Result<ValuePage> readValuePage(const Exchange &exchange);
base::Result<Receipt> readReceipt(const Exchange &exchange);
base::Result<std::vector<LineAnswer>> readLines(const Exchange &exchange);

} // namespace dynakv::client
