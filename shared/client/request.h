// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/answer.h"

#include <QByteArray>

#include <utility>
#include <vector>

namespace dynakv::client {

enum class Method : quint8 { Get, Put, Post, Delete };

/// One request, before a node is chosen for it.
struct Request
{
    Method method = Method::Get;
    QByteArray target = {}; ///< Path and query, percent-encoded.
    QByteArray body = {};
    QByteArray contentType = {};
    QByteArray ifMatch = {};     ///< The header field; empty: none.
    QByteArray ifNoneMatch = {}; ///< The same.
    qsizetype answerBytesMax = qsizetype{1} << 20;
    bool mayFailOver = true;

    [[nodiscard]] bool isWrite() const { return method != Method::Get; }
};

/// What came back: an HTTP answer, or the failure of the last attempt.
struct Exchange
{
    int status = 0; ///< 0 where no answer came; then `failure` is set.
    QByteArray body = {};
    QByteArray etag = {};
    QByteArray date = {}; ///< The node's wall clock, as the header field has it.
    QByteArray durability = {};
    Failure failure = {};
    base::Endpoint node = {};
    int latencyMs = 0;
    /// The nodes that failed before, each with what was wrong, in the order asked.
    std::vector<std::pair<base::Endpoint, QByteArray>> failed = {};
};

/// The target of \a key: `/key/...`, or `/key?k64=...` for the keys that URL classes would fold.
QByteArray keyTarget(const QByteArray &key);

} // namespace dynakv::client
