// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `DELETE /v1/keys?prefix=`: the first thousand keys at once, with what is left as a job. With
/// `dry_run` the count only.
Answer deleteKeys(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
