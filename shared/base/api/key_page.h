// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QJsonObject>

#include <optional>
#include <vector>

namespace dynakv::base::api {

struct KeyEntry
{
    QByteArray key = {}; ///< Bytes, 1 to 1024.
    QByteArray version = {};
    qint64 size = 0;        ///< Bytes of the value.
    qint64 updatedAtMs = 0; ///< Unix ms.
    std::optional<qint64> expiresAtMs = {};
    bool operator==(const KeyEntry &) const = default;
};

/// All keys that begin with `prefix`, which ends in the listing's delimiter, as one row.
struct PrefixEntry
{
    QByteArray prefix = {}; ///< Bytes, 1 to 1024.
    qint64 count = 0;       ///< Live keys, at least 1.
    bool isEstimated = false;
    bool operator==(const PrefixEntry &) const = default;
};

/// `GET /v1/keys`: keys in the order asked for.
struct KeyPage
{
    std::vector<KeyEntry> keys = {};
    /// Live keys under the prefix, estimated.
    qint64 totalEstimate = 0;
    /// Opaque cursor of the next page, to be sent back verbatim as `after`; empty on the last one.
    QByteArray next = {};
    std::vector<PrefixEntry> prefixes = {}; ///< Groups; in one order with the keys.
    bool operator==(const KeyPage &) const = default;
};

QJsonObject toJson(const KeyEntry &entry);
QJsonObject toJson(const PrefixEntry &entry);
QJsonObject toJson(const KeyPage &page);
Result<KeyPage> keyPageFromJson(const QJsonObject &object);

} // namespace dynakv::base::api
