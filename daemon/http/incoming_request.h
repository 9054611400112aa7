// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/head_parser.h"
#include "daemon/http/http_message.h"

namespace dynakv::http {

/// What handlers are given of \a head: target, method and the fields that they know, lists that
/// stood in several fields joined again (RFC 9110, 5.3). The body is still missing.
HttpRequest requestFrom(const RequestHead &head, const QByteArray &requestId);

} // namespace dynakv::http
