// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/smuggling_judge.h"

#include "tests/support/daemon_process.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace dynakv::test {
namespace {

Counts without(Counts counts, const Counts &before)
{
    for (const auto &[kind, count] : before)
        counts[kind] -= count;
    return counts;
}

QByteArray textOf(const Counts &counts)
{
    QByteArrayList kinds;
    for (const auto &[kind, count] : counts) {
        if (count != 0)
            kinds += QByteArray::number(count) + " times " + kind;
    }
    return kinds.join(", ");
}

Counts countsOf(const std::vector<FrontProxy::Forwarded> &requests)
{
    Counts counts;
    for (const auto &each : requests) {
        if (each.request.contains(" /key/"))
            ++counts[each.request.split(' ').first() + ' ' + QByteArray::number(each.status)];
    }
    return counts;
}

/// Whether the backend did what the proxy sent on, less what it refused, and nothing else.
bool areEqual(const Counts &executed, const Counts &forwarded)
{
    const auto count = [](const Counts &counts, const QByteArray &kind) {
        const auto found = counts.find(kind);
        return found == counts.end() ? 0 : found->second;
    };
    Counts both = executed;
    both.insert(forwarded.begin(), forwarded.end());
    return std::all_of(both.begin(), both.end(), [&](const auto &each) {
        const int done = count(executed, each.first);
        const int sent = count(forwarded, each.first);
        return each.first.endsWith(" 200") ? done == sent : done <= sent;
    });
}

} // namespace

QByteArray nextId()
{
    static int count = 0;
    return "judge-" + QByteArray::number(++count);
}

QByteArray getRequest(const QByteArray &key, const QByteArray &id)
{
    return "GET /key/" + key + " HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: " + id + "\r\n\r\n";
}

bool isAnswerTo(const WireAnswer &answer, const QByteArray &key, const QByteArray &id)
{
    return answer.status == 200 && answer.requestId == id &&
           answer.body == R"({"value":")" + key + "\"}";
}

WireAnswer ask(quint16 port, const QByteArray &request)
{
    WireClient client(port);
    client.send(request);
    return client.next(kAnswerMs).value_or(WireAnswer{});
}

bool putKey(quint16 port, const QByteArray &key)
{
    const QByteArray body = R"({"value":")" + key + "\"}";
    return ask(port, "PUT /key/" + key + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                         QByteArray::number(body.size()) + "\r\n\r\n" + body)
               .status == 200;
}

QByteArray verdict(const FrontProxy &proxy, const Backend &backend, const QByteArray &bytes,
                   Manner manner)
{
    const QByteArray mine = nextId();
    ask(backend.port, "DELETE /key/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto forwardedBefore = proxy.forwarded().size();
    const Counts executedBefore = backend.executed();
    const auto otherIsAnswered = [&proxy] {
        const QByteArray id = nextId();
        return isAnswerTo(ask(proxy.port(), getRequest("theirs", id)), "theirs", id);
    };
    auto client = std::make_unique<WireClient>(proxy.port());
    switch (manner) {
    case Manner::Alone:
        client->send(bytes);
        (void)client->next(kAnswerMs);
        break;
    case Manner::HeadFirst: {
        const qsizetype headEnd = bytes.indexOf("\r\n\r\n");
        client->send(bytes.left(headEnd + 4));
        // A proxy of one thread that answers this has read that.
        if (!otherIsAnswered())
            return "another client got no answer while the first one was sending";
        client->send(bytes.mid(headEnd + 4));
        (void)client->next(kAnswerMs);
        break;
    }
    case Manner::Pipelined:
        client->send(bytes + getRequest("mine", mine));
        for (const WireAnswer &each : client->upTo(mine, kAnswerMs)) {
            if (each.requestId == mine && !isAnswerTo(each, "mine", mine))
                return "the client got the answer to something else";
        }
        break;
    }
    if (!otherIsAnswered() || !otherIsAnswered())
        return "another client did not get the answer to its request";
    // What the client's bytes made the backend write is on its way to the disk before this is.
    if (!putKey(proxy.port(), "theirs"))
        return "another client could not write";

    Counts executed;
    Counts forwarded;
    const auto agree = [&] {
        executed = without(backend.executed(), executedBefore);
        const auto all = proxy.forwarded();
        const std::vector<FrontProxy::Forwarded> fresh(
            all.begin() + static_cast<std::ptrdiff_t>(forwardedBefore), all.end());
        forwarded = countsOf(fresh);
        const bool isSentOn = std::any_of(fresh.begin(), fresh.end(), [](const auto &each) {
            return each.request == "PUT /key/smuggled";
        });
        return areEqual(executed, forwarded) && (isSentOn || !backend.isSmuggled());
    };
    // A proxy logs a request a little after its answer.
    if (!waitUntil(agree, 3000)) {
        return "forwarded: " + textOf(forwarded) + "; done: " + textOf(executed) +
               (backend.isSmuggled() ? "; the smuggled key is there" : "");
    }
    client.reset();
    if (!otherIsAnswered())
        return "another client did not get the answer to its request, after the first one left";
    return {};
}

} // namespace dynakv::test
