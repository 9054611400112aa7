// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

/// What supervisors and people ask first.
namespace dynakv::http {

/// `GET /livez`: this thread answers.
Answer getLiveness(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `GET /readyz`: 200 when this node answers from its own table, else 503 with the reason.
Answer getReadiness(const HttpRequest &request, const Query &query, const ApiContext &context);
Answer getVersion(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `GET /`: links to everything that is served.
Answer getIndex(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
