// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/integration/front_proxy.h"
#include "tests/integration/wire_client.h"

#include <functional>
#include <map>

namespace dynakv::test {

/// Longer than a proxy waits for the rest of a request.
constexpr int kAnswerMs = 5000;

/// How often each kind of request was answered, as "PUT 200".
using Counts = std::map<QByteArray, int>;

/// What stands behind a proxy, as the judge sees it.
struct Backend
{
    quint16 port = 0;
    /// The requests under /key that it did, from the start; what it refused does not count.
    std::function<Counts()> executed = {};
    /// Whether /key/smuggled is there, asked in a way that does not count.
    std::function<bool()> isSmuggled = {};
};

/// How the bytes in question are sent.
enum class Manner : quint8 {
    Alone,     ///< In one piece; nothing follows.
    HeadFirst, ///< What is behind the first empty line only when the proxy has seen that far.
    Pipelined, ///< In one piece, and behind them another request.
};

/// An id that no request had before.
QByteArray nextId();
/// `GET /key/<key>`, named \a id.
QByteArray getRequest(const QByteArray &key, const QByteArray &id);
/// Whether it is the answer to that, the value being the key.
bool isAnswerTo(const WireAnswer &answer, const QByteArray &key, const QByteArray &id);
/// One request over a connection of its own.
WireAnswer ask(quint16 port, const QByteArray &request);
/// Puts what isAnswerTo() expects; the keys `mine` and `theirs` must be there for verdict().
bool putKey(quint16 port, const QByteArray &key);

/// Sends \a bytes through the proxy, then requests of other clients over the connections to the
/// backend that they share with that one. Empty where the proxy and the backend agree which
/// requests there were and everybody got the answer to their own; else what is wrong.
QByteArray verdict(const FrontProxy &proxy, const Backend &backend, const QByteArray &bytes,
                   Manner manner);

} // namespace dynakv::test
