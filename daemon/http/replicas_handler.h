// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `GET /v1/key-replicas/{key}`: what each member holds for the key, or why it did not say.
Answer getKeyReplicas(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
