// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/document_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"

#include <QResource>

namespace dynakv::http {

Answer getDocument(const HttpRequest &request, const Query &query, const ApiContext &)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    return jsonReply(QResource(QStringLiteral(":/api/openapi.json")).uncompressedData());
}

} // namespace dynakv::http
