// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `GET /openapi.json`: resources/api/openapi.json, which is compiled in.
Answer getDocument(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
