// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/api/key_page.h"
#include "shared/base/api/problem.h"
#include "shared/base/endpoint.h"

#include <QByteArray>

#include <functional>
#include <optional>
#include <vector>

namespace dynakv::client {

enum class FailureKind : quint8 {
    Unreachable, ///< No node accepted a connection, or it broke before the answer came.
    TimedOut,    ///< A node accepted the request and did not answer in time.
    Refused,     ///< A node answered with an error; `problem` has its words.
    BadAnswer,   ///< What answered does not speak this API.
    TooLarge,    ///< The answer passed the bound of its request.
};

/// Why there is no value.
struct Failure
{
    FailureKind kind = FailureKind::Unreachable;
    QByteArray message = {}; ///< For people, UTF-8: names the node, the cause and the remedy.
    base::api::Problem problem = {}; ///< status is 0 unless a node refused.
    int retryAfterSeconds = 0;       ///< What the node that refused asked for; 0: nothing.
    /// A write that was sent and not answered: it may hold or not. Reading the key tells.
    bool outcomeUnknown = false;
};

/// What a request came to: a value, or a failure.
template <typename T>
struct Answer
{
    std::optional<T> value = {};
    Failure failure = {};
    base::Endpoint node = {}; ///< Who answered, or who was asked last.
    int latencyMs = 0;        ///< Of the attempt that was answered.

    [[nodiscard]] bool ok() const { return value.has_value(); }
    /// Refused with that HTTP status.
    [[nodiscard]] bool hasStatus(int status) const
    {
        return !ok() && failure.problem.status == status;
    }
};

template <typename T>
using Callback = std::function<void(const Answer<T> &)>;

/// A stored value, byte for byte.
struct Value
{
    QByteArray bytes = {}; ///< The JSON text as it was sent, or the raw bytes.
    bool isRaw = false;
    QByteArray contentType = {}; ///< Of a raw value; empty for JSON.
    QByteArray version = {};
    /// How long it lives from the put on, or was to live when it was read, rounded up; 0: for ever.
    qint64 ttlSeconds = 0;
    bool operator==(const Value &) const = default;
};

/// Which part of the keys to list.
struct ListQuery
{
    QByteArray prefix = {};
    QByteArray from = {};  ///< The first key that may be listed; empty: the prefix's first.
    QByteArray after = {}; ///< The `next` of the page before; empty: the first page.
    int limit = 100;       ///< 1 to limits::kPageKeysMax.
};

struct ListedValue
{
    base::api::KeyEntry entry = {};
    Value value = {};
    bool operator==(const ListedValue &) const = default;
};

/// A page of keys with their values. It can be empty and still have a successor.
struct ValuePage
{
    std::vector<ListedValue> keys = {};
    qint64 totalEstimate = 0;
    QByteArray next = {};
    bool operator==(const ValuePage &) const = default;
};

/// What a write did.
struct Receipt
{
    QByteArray version = {};
    bool existed = false;       ///< DELETE only.
    QByteArray durability = {}; ///< The `DynaKV-Durability` header.
    bool operator==(const Receipt &) const = default;
};

/// What became of one line of a batch.
struct LineAnswer
{
    int status = 0; ///< As of a request of its own.
    QByteArray version = {};
    QByteArray detail = {}; ///< Why it failed, for people.
    bool operator==(const LineAnswer &) const = default;
};

/// `/readyz` of one node.
struct Health
{
    bool isReady = false;
    QByteArray detail = {}; ///< Why not, for people.
    bool operator==(const Health &) const = default;
};

} // namespace dynakv::client
