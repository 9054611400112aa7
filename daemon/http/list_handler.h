// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `GET /v1/keys`: keys in byte order, page by page.
Answer getKeys(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
