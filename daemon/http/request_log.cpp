// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/request_log.h"

#include "shared/base/request_scope.h"

#include <QLoggingCategory>

#include <limits>

namespace dynakv::http {
namespace {

Q_LOGGING_CATEGORY(lcAccess, "dynakv.http.access", QtInfoMsg)

constexpr qsizetype kPathBytesMax = 256;

/// Still percent-encoded, so that no key can write a line of its own.
QByteArray textOf(const RequestTrace &trace, int status, qint64 tookUs)
{
    const bool isCut = trace.path.size() > kPathBytesMax;
    return toText(trace.method).toByteArray() + ' ' +
           trace.path.first(qMin(trace.path.size(), kPathBytesMax)) + (isCut ? "..." : "") + ' ' +
           QByteArray::number(status) + " in " +
           QByteArray::number(static_cast<double>(tookUs) / 1000, 'f', 1) + " ms";
}

} // namespace

RequestLog::RequestLog(HttpMetrics &metrics, int slowMs)
    : m_metrics(metrics)
    , m_slowUs(slowMs > 0 ? qint64{slowMs} * 1000 : std::numeric_limits<qint64>::max())
{
}

void RequestLog::answered(const RequestTrace &trace, int status, qint64 nowUs)
{
    const qint64 tookUs = nowUs - trace.startUs;
    m_metrics.endpoints[static_cast<std::size_t>(trace.endpoint)].add(status, tookUs);
    const bool isSlow = tookUs > m_slowUs;
    if (!isSlow && !lcAccess().isDebugEnabled())
        return;
    const base::RequestScope scope(trace.requestId);
    qCDebug(lcAccess, "%s", textOf(trace, status, tookUs).constData());
    if (!isSlow)
        return;
    m_metrics.slowRequests.add();
    if (const auto keptBack = m_slowLines.admit(nowUs / 1000)) {
        qCInfo(lcAccess, "slow request: %s%s", textOf(trace, status, tookUs).constData(),
               *keptBack == 0
                   ? ""
                   : (" (" + QByteArray::number(*keptBack) + " more like it)").constData());
    }
}

} // namespace dynakv::http
