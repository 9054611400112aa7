// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/http_message.h"

#include <QByteArray>
#include <QJsonObject>

namespace dynakv::http {

struct Refusal;

/// Every error answer is made here: `application/problem+json`, never cached.
HttpReply problemReply(int status, const QByteArray &code, const QByteArray &detail,
                       const QByteArray &requestId, const QJsonObject &extra = {});

/// 503 with Retry-After.
HttpReply unavailableReply(const QByteArray &code, const QByteArray &detail,
                           const QByteArray &requestId, const QJsonObject &extra = {});

HttpReply refusalReply(const Refusal &refusal, const QByteArray &requestId);

HttpReply jsonReply(const QByteArray &body);

} // namespace dynakv::http
