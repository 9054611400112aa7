// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/metrics_families.h"
#include "daemon/http/router.h"

namespace dynakv::http {
namespace {

using Type = MetricsText::Type;

QByteArray statusText(int status)
{
    return status == 0 ? QByteArray("other") : QByteArray::number(status);
}

/// Those of the router, and one for all that is no endpoint.
std::vector<Endpoint> countedEndpoints()
{
    std::vector<Endpoint> all = endpoints();
    all.push_back({kNoEndpoint, "other", "other"});
    return all;
}

void addRequests(MetricsText &text, const HttpMetrics &metrics)
{
    const std::vector<Endpoint> all = countedEndpoints();
    const auto of = [&metrics](const Endpoint &endpoint) -> const EndpointMetrics & {
        return metrics.endpoints[static_cast<std::size_t>(endpoint.index)];
    };
    text.family("http_requests_total", Type::Counter,
                "Requests answered by a handler, by method (GET includes HEAD), route and status.");
    for (const Endpoint &endpoint : all) {
        for (const int status : EndpointMetrics::kStatuses) {
            const qint64 count = of(endpoint).count(status);
            // The usual one from the start; the others are too many to stand there for nothing.
            if (count > 0 || status == 200) {
                text.sample({{"method", endpoint.method},
                             {"route", endpoint.path},
                             {"code", statusText(status)}},
                            count);
            }
        }
    }
    text.family("http_request_duration_seconds", Type::Histogram,
                "From a whole request to its answer, without the time on the network.");
    for (const Endpoint &endpoint : all) {
        text.seconds({{"method", endpoint.method}, {"route", endpoint.path}},
                     of(endpoint).tookUs().counts());
    }
    text.counter("http_slow_requests_total", "Requests that took longer than slow-request-ms.",
                 metrics.slowRequests.value());
    text.gauge("http_waiting_requests", "Requests that wait for the node's outcome now.",
               metrics.waitingRequests.value());
}

void addWatches(MetricsText &text, const HttpMetrics &metrics)
{
    text.gauge("watchers", "Clients that are told of changes now.", metrics.watchers.value());
    text.counter("watch_events_total", "Changes told to clients that watch.",
                 metrics.watchEvents.value());
    text.counter("watch_resets_total",
                 "How often a client that watches was told that it may lack changes.",
                 metrics.watchResets.value());
}

} // namespace

void addHttpFamilies(MetricsText &text, const HttpMetrics &metrics)
{
    addRequests(text, metrics);
    addWatches(text, metrics);
    const DoorMetrics &door = metrics.door;
    text.family("http_rejected_total", Type::Counter,
                "Requests that the front door refused before any handler, by the answer's code.");
    for (std::size_t i = 0; i < door.refusals.size(); ++i)
        text.sample({{"reason", DoorMetrics::kRefusals[i]}}, door.refusals[i].value());
    text.family("http_timeouts_total", Type::Counter,
                "Connections ended because something took too long, by what it was.");
    for (std::size_t i = 0; i < door.cuts.size(); ++i)
        text.sample({{"phase", kCutNames[i]}}, door.cuts[i].value());
    text.counter("http_connections_accepted_total", "Connections of clients.",
                 door.accepted.value());
    text.gauge("http_connections", "Connections of clients that are open now.",
               door.accepted.value() - door.closed.value());
    text.counter("http_connection_limit_reached_total",
                 "How often no further connection was accepted because of the limit.",
                 door.atConnectionLimit.value());
    text.counter("http_descriptor_limit_reached_total",
                 "How often no further connection was accepted because too few descriptors were "
                 "left.",
                 door.descriptorPauses.value());
    text.counter("http_accept_failures_total",
                 "Connections that the system refused, for example for lack of descriptors.",
                 door.acceptFailures.value());
    text.counter("http_heads_total", "Whole and well-formed request heads.", door.heads.value());
    text.counter("http_backlog_pauses_total",
                 "How often nothing was read from a client because it did not read its answers.",
                 door.backlogPauses.value());
    text.gauge("http_body_bytes", "Bytes of request bodies held now.", door.bodyBytes.value());
    text.gauge("http_unsent_bytes", "Bytes of answers that clients have not taken yet.",
               door.unsentBytes.value());
    text.counter("http_received_bytes_total", "Bytes received from clients.",
                 door.bytesReceived.value());
    text.counter("http_sent_bytes_total", "Bytes of answers to clients.", door.bytesSent.value());
}

void addProcessFamilies(MetricsText &text, const ApiContext &context)
{
    text.family("build_info", Type::Gauge, "Always 1; the labels tell the build.");
    text.sample({{"version", context.programVersion}, {"qt", qVersion()}}, qint64{1});
    const ProcessStats stats = context.process.stats();
    const auto add = [&text](const char *name, Type type, const char *help, const auto &value) {
        if (!value)
            return;
        text.foreignFamily(name, type, help);
        text.sample(*value);
    };
    add("process_resident_memory_bytes", Type::Gauge, "Resident memory.", stats.residentBytes);
    add("process_virtual_memory_bytes", Type::Gauge, "Virtual memory.", stats.virtualBytes);
    add("process_cpu_seconds_total", Type::Counter, "User and system CPU time.", stats.cpuSeconds);
    add("process_open_fds", Type::Gauge, "Open file descriptors.", stats.openDescriptors);
    add("process_max_fds", Type::Gauge, "How many there may be.", stats.descriptorsMax);
    add("process_start_time_seconds", Type::Gauge, "Start of the process, Unix time.",
        stats.startedSeconds);
}

} // namespace dynakv::http
