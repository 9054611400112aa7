// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/http/http_message.h"
#include "daemon/http/query.h"

#include <initializer_list>
#include <optional>

/// What several handlers check before they begin. Each gives the answer that refuses the request,
/// or nothing where it may go on.
namespace dynakv::http {

/// 400 for a parameter that is none of \a known: an option is never silently without effect.
std::optional<HttpReply> refusedParameters(const HttpRequest &request, const Query &query,
                                           std::initializer_list<const char *> known);

/// 400 where a request brings a body that nobody would look at.
std::optional<HttpReply> refusedBody(const HttpRequest &request);

/// 503 as long as this node must not answer from its own table: a node that does not know cannot
/// say 404.
std::optional<HttpReply> refusedUntilCaughtUp(const HttpRequest &request,
                                              const core::ClusterView &view);

/// The code and the words for a readiness other than Ready.
QByteArray readinessCode(core::Readiness readiness);
QByteArray readinessDetail(const core::ClusterView &view);

} // namespace dynakv::http
