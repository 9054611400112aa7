// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

/// `/key/{key}` and `/key?k64=`: the seed paths of single keys.
namespace dynakv::http {

Answer getKey(const HttpRequest &request, const Query &query, const ApiContext &context);
Answer putKey(const HttpRequest &request, const Query &query, const ApiContext &context);
Answer deleteKey(const HttpRequest &request, const Query &query, const ApiContext &context);

/// The key that a request names: what follows `/key/`, percent-decoded once, or `k64`.
base::Result<QByteArray> keyOf(const HttpRequest &request, const Query &query);

} // namespace dynakv::http
