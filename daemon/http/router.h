// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/http_message.h"

#include <vector>

namespace dynakv::http {

/// One method of one path that is served: what is counted apart, and documented.
struct Endpoint
{
    int index = 0;     ///< Below endpointIndexEnd(); the same in each run of one program.
    QByteArray method; ///< GET stands for HEAD too.
    QByteArray path;   ///< With its parameter in braces, e.g. `/key/{key}`.
};
std::vector<Endpoint> endpoints();
int endpointIndexEnd();
/// The index of all that is none: unknown paths, methods that are not allowed, OPTIONS.
inline constexpr int kNoEndpoint = 0;

struct Routed
{
    Answer answer;
    int endpoint = kNoEndpoint;
};

/// Finds the handler by path and method and calls it; 404, 405 with Allow and OPTIONS are answered
/// here. A function of the request and the context alone.
Routed dispatch(const HttpRequest &request, const ApiContext &context);
/// The same, for whom the answer is enough.
Answer route(const HttpRequest &request, const ApiContext &context);

} // namespace dynakv::http
