// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `POST /v1/admin/forget?node=`: 404 for no member, 409 for one that is not down.
Answer postForget(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `POST /v1/admin/leave`: answered once others hold all that this node held, 503 where nobody
/// could take it over in time, 409 for a node that is not ready or alone.
Answer postLeave(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `POST /v1/admin/repair`: compares with every connected member now.
Answer postRepair(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
