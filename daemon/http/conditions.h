// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/write_condition.h"
#include "daemon/http/http_message.h"
#include "shared/base/result.h"

namespace dynakv::http {

/// The versions that a list of entity tags names, or `*` (RFC 9110, 8.8.3). A tag that is no
/// version of ours matches nothing; neither does one marked W/ unless \a takesWeak. Invalid where
/// the list is malformed or names too many.
base::Result<core::VersionSet> versionsOf(QByteArrayView list, bool takesWeak);

/// If-Match and If-None-Match of a request; errors as versionsOf().
base::Result<core::WriteCondition> conditionOf(const HttpRequest &request);

} // namespace dynakv::http
