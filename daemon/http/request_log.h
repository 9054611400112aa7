// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/http_message.h"
#include "daemon/http/http_metrics.h"
#include "shared/base/log_throttle.h"

namespace dynakv::http {

/// One request that a handler has, until it is answered.
struct RequestTrace
{
    int endpoint = 0; ///< Endpoint::index.
    Method method = Method::Get;
    QByteArray path = {};
    QByteArray requestId = {};
    qint64 startUs = 0;
};

/// What becomes of an answered request: it is counted, and logged where it was slow (at most one
/// line a second) or where somebody wants to see all of them (`--log-level
/// info,http.access=debug`).
///
/// Thread: one HTTP thread.
class RequestLog
{
public:
    /// \a metrics outlives it. \a slowMs 0: nothing is slow.
    RequestLog(HttpMetrics &metrics, int slowMs);

    void answered(const RequestTrace &trace, int status, qint64 nowUs);

private:
    HttpMetrics &m_metrics;
    qint64 m_slowUs;
    base::LogThrottle m_slowLines{1000};
};

} // namespace dynakv::http
