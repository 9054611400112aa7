// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `POST /v1/batch`: lines of puts, gets and deletes, answered line by line.
Answer postBatch(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
