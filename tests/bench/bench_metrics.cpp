// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/request_log.h"
#include "shared/base/request_scope.h"

#include <QElapsedTimer>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

/// What counting costs a request, in nanoseconds: the median of eleven runs of a million.
namespace {

using namespace dynakv;

template <typename Work>
double nsOf(Work work)
{
    constexpr int kRounds = 11;
    constexpr int kTimes = 1'000'000;
    std::vector<double> all;
    for (int round = 0; round < kRounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < kTimes; ++i)
            work(i);
        const std::chrono::duration<double, std::nano> took =
            std::chrono::steady_clock::now() - start;
        all.push_back(took.count() / kTimes);
    }
    std::sort(all.begin(), all.end());
    return all[kRounds / 2];
}

} // namespace

int main()
{
    http::HttpMetrics metrics;
    http::RequestLog log(metrics, 1000);
    QElapsedTimer clock;
    clock.start();
    const QByteArray id("37e84bee-1");
    const QByteArray path("/key/greeting");
    const auto nowUs = [&clock] { return clock.nsecsElapsed() / 1000; };
    qint64 sink = 0;
    const auto request = [&](int i) {
        metrics.door.heads.add();
        metrics.door.bytesReceived.add(i & 511);
        metrics.door.bytesSent.add(i & 1023);
        const qint64 startUs = nowUs();
        const base::RequestScope scope(id);
        const http::RequestTrace trace{1, http::Method::Get, path, id, startUs};
        log.answered(trace, 200, nowUs());
    };
    std::printf("one addition           %6.1f ns\n", nsOf([&](int) { metrics.door.heads.add(); }));
    std::printf("one value of histogram %6.1f ns\n",
                nsOf([&](int i) { metrics.endpoints[1].add(200, i & 8191); }));
    std::printf("one look at the clock  %6.1f ns\n", nsOf([&](int) { sink += nowUs(); }));
    std::printf("all of one request     %6.1f ns\n", nsOf(request));
    return sink == 0 ? 1 : 0;
}
