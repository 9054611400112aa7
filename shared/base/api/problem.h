// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QJsonObject>

namespace dynakv::base::api {

/// An RFC 9457 problem document (`application/problem+json`) with our members `code` and
/// `request_id`. Every error answer of the API is one.
struct Problem
{
    int status = 0;       ///< HTTP status.
    QByteArray code = {}; ///< Stable, snake_case: what programs switch on.
    QByteArray title = {};
    QByteArray detail = {}; ///< What was wrong and what to do.
    QByteArray requestId = {};
    QJsonObject extra = {}; ///< Further members, e.g. `outcome`, `acked`, `required`.
    bool operator==(const Problem &) const = default;
};

QByteArray toJsonBytes(const Problem &problem);
/// Invalid where \a body is no JSON object with a `status`.
Result<Problem> problemFromJson(const QByteArray &body);

} // namespace dynakv::base::api
