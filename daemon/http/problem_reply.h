// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/version.h"
#include "daemon/http/http_message.h"

#include <QByteArray>
#include <QJsonObject>

#include <optional>

namespace dynakv::http {

struct Refusal;

/// Every error answer is made here: `application/problem+json`, never cached.
HttpReply problemReply(int status, const QByteArray &code, const QByteArray &detail,
                       const QByteArray &requestId, const QJsonObject &extra = {});

/// 503 with Retry-After.
HttpReply unavailableReply(const QByteArray &code, const QByteArray &detail,
                           const QByteArray &requestId, const QJsonObject &extra = {});

/// 412. Whoever lost learns the \a version that is there now, if there is any, and need not ask.
HttpReply conditionFailedReply(const std::optional<core::Version> &version,
                               const QByteArray &detail, const QByteArray &requestId);

HttpReply refusalReply(const Refusal &refusal, const QByteArray &requestId);

HttpReply jsonReply(const QByteArray &body);

} // namespace dynakv::http
