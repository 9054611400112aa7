// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/key_view.h"
#include "daemon/http/query.h"

namespace dynakv::http {

/// A GET of one key, checked: what is read and how it is shown.
struct KeyRead
{
    core::ReadRequest request = {};
    KeyViewOptions view = {};
};

/// Takes `r`, `timeout`, `raw`, `meta` and `DynaKV-At-Least`; the key is the caller's.
base::Result<KeyRead> readOptionsFrom(const HttpRequest &request, const Query &query,
                                      const ApiContext &context);

/// What the outcome of a read is to its client. \a cluster is as this node sees it now.
HttpReply readReply(const HttpRequest &request, KeyViewOptions view,
                    const core::ReadOutcome &outcome, const core::ClusterView &cluster,
                    qint64 wallMs);

} // namespace dynakv::http
