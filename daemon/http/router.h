// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/http_message.h"

namespace dynakv::http {

/// Finds the handler by path and method and calls it; 404, 405 with Allow and OPTIONS are answered
/// here. A pure function of the request, the table and the cluster view.
Answer route(const HttpRequest &request, const ApiContext &context);

} // namespace dynakv::http
