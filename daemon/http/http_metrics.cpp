// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/http_metrics.h"

#include "daemon/http/router.h"

#include <algorithm>

namespace dynakv::http {
namespace {

/// The index of \a wanted, or that of the last one, which stands for all others.
template <typename List, typename Wanted>
std::size_t indexIn(const List &list, const Wanted &wanted)
{
    const auto found = std::find(list.begin(), list.end() - 1, wanted);
    return static_cast<std::size_t>(found - list.begin());
}

} // namespace

void EndpointMetrics::add(int status, qint64 tookUs)
{
    m_byStatus[indexIn(kStatuses, status)].add();
    m_tookUs.add(tookUs);
}

qint64 EndpointMetrics::count(int status) const
{
    return m_byStatus[indexIn(kStatuses, status)].value();
}

void DoorMetrics::addRefusal(QByteArrayView code)
{
    refusals[indexIn(kRefusals, code)].add();
}

HttpMetrics::HttpMetrics()
    : endpoints(static_cast<std::size_t>(endpointIndexEnd()))
{
}

} // namespace dynakv::http
