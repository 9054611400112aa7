// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/counter.h"
#include "shared/base/histogram.h"

#include <QByteArrayView>

#include <array>
#include <vector>

namespace dynakv::http {

/// The answers of one endpoint.
class EndpointMetrics
{
public:
    void add(int status, qint64 tookUs);
    EndpointMetrics &operator+=(const EndpointMetrics &other);

    /// The statuses that are told apart; any other one counts as the last, 0.
    static constexpr std::array kStatuses{200, 202, 204, 207, 304, 400, 403, 404, 405, 409,
                                          411, 412, 413, 415, 429, 500, 501, 503, 0};
    [[nodiscard]] qint64 count(int status) const;
    [[nodiscard]] const base::Histogram &tookUs() const { return m_tookUs; }

private:
    std::array<base::Counter, kStatuses.size()> m_byStatus;
    base::Histogram m_tookUs; ///< From the whole request to the whole answer.
};

/// Why the front door answered itself or cut a client off.
enum class Cut : quint8 {
    HeadTimeout,   ///< The head did not come in time (408).
    BodyTimeout,   ///< Likewise the body.
    AnswerTimeout, ///< No answer was found in time (503).
    WriteTimeout,  ///< The client did not read its answer.
    Idle,          ///< Nothing was asked for long; the ordinary end of a connection.
    Linger,        ///< The client kept sending after the last answer.
    Unsent,        ///< All unsent answers together were too many, and its own above its share.
};
inline constexpr std::array kCutNames{"head", "body",   "answer", "write",
                                      "idle", "linger", "unsent"};

/// What the front door counts.
struct DoorMetrics
{
    base::Counter accepted;
    base::Counter closed;
    base::Counter heads; ///< Valid or not, but whole.
    base::Counter bytesReceived;
    base::Counter bytesSent;
    base::Counter atConnectionLimit; ///< How often the cap was reached and accepting stopped.
    base::Counter descriptorPauses;  ///< The same for lack of free descriptors.
    base::Counter acceptFailures;
    base::Counter backlogPauses; ///< How often a client had to read before it was read from.
    base::Counter bodyBytes;     ///< Of requests that are arriving or being answered, now.
    base::Counter unsentBytes;   ///< Of answers, that the system has not taken, now.
    std::array<base::Counter, kCutNames.size()> cuts;
    void addCut(Cut cut) { cuts.at(static_cast<std::size_t>(cut)).add(); }

    /// Requests refused by the front door itself, by the code of the answer.
    static constexpr std::array kRefusals{
        "bad_request",    "bad_target",     "bad_host",        "bad_framing",    "cross_origin",
        "wrong_host",     "too_large",      "target_too_long", "head_too_large", "bad_expectation",
        "unknown_coding", "unknown_method", "http_version",    "timeout",        "no_answer",
        "overload",       "other"};
    std::array<base::Counter, kRefusals.size()> refusals;
    void addRefusal(QByteArrayView code);
    DoorMetrics &operator+=(const DoorMetrics &other);
};

/// What one HTTP thread counts. That thread writes, any thread reads; each HTTP thread has its own,
/// and the reader adds them up.
struct HttpMetrics
{
    HttpMetrics();
    HttpMetrics &operator+=(const HttpMetrics &other);

    DoorMetrics door;
    std::vector<EndpointMetrics> endpoints; ///< By Endpoint::index.
    base::Counter waitingRequests;          ///< For the node's outcome, now.
    base::Counter watchers;                 ///< Streams of events that are open, now.
    base::Counter watchEvents;              ///< Changes told to them.
    base::Counter watchResets;              ///< How often one had to be told to list again.
    base::Counter slowRequests;             ///< Longer than `--slow-request-ms`.
};

} // namespace dynakv::http
