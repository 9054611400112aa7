// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// `POST /v1/admin/compact`: 202 with the job that rewrites the file.
Answer postCompact(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `POST /v1/admin/backup?name=NAME`: 202 with the job that writes `backups/NAME.db`; without a
/// name the present in UTC.
Answer postBackup(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `GET /v1/jobs` and `GET /v1/jobs/{id}`.
Answer getJobs(const HttpRequest &request, const Query &query, const ApiContext &context);
Answer getJob(const HttpRequest &request, const Query &query, const ApiContext &context);
/// `POST /v1/admin/log-level?level=RULES`: changes what is logged, until the next start; without
/// `level` it tells only.
Answer postLogLevel(const HttpRequest &request, const Query &query, const ApiContext &context);

} // namespace dynakv::http
