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

template <typename Counters>
void addEach(Counters &to, const Counters &from)
{
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i].add(from[i].value());
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

EndpointMetrics &EndpointMetrics::operator+=(const EndpointMetrics &other)
{
    addEach(m_byStatus, other.m_byStatus);
    m_tookUs.add(other.m_tookUs.counts());
    return *this;
}

DoorMetrics &DoorMetrics::operator+=(const DoorMetrics &other)
{
    for (const auto counter :
         {&DoorMetrics::accepted, &DoorMetrics::closed, &DoorMetrics::heads,
          &DoorMetrics::bytesReceived, &DoorMetrics::bytesSent, &DoorMetrics::atConnectionLimit,
          &DoorMetrics::descriptorPauses, &DoorMetrics::acceptFailures, &DoorMetrics::backlogPauses,
          &DoorMetrics::bodyBytes, &DoorMetrics::unsentBytes})
        (this->*counter).add((other.*counter).value());
    addEach(cuts, other.cuts);
    addEach(refusals, other.refusals);
    return *this;
}

HttpMetrics &HttpMetrics::operator+=(const HttpMetrics &other)
{
    door += other.door;
    for (std::size_t i = 0; i < endpoints.size(); ++i)
        endpoints[i] += other.endpoints[i];
    for (const auto counter :
         {&HttpMetrics::waitingRequests, &HttpMetrics::slowRequests, &HttpMetrics::watchers,
          &HttpMetrics::watchEvents, &HttpMetrics::watchResets})
        (this->*counter).add((other.*counter).value());
    return *this;
}

HttpMetrics::HttpMetrics()
    : endpoints(static_cast<std::size_t>(endpointIndexEnd()))
{
}

} // namespace dynakv::http
