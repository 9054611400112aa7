// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/version.h"

#include <QByteArray>

#include <optional>
#include <QByteArrayView>

namespace dynakv::core {

enum class RecordKind : quint8 { Value = 0, Tombstone = 1 };

/// What the cluster holds for one key. The same fields travel to the file, the peers and the
/// backup.
struct Record
{
    QByteArray key = {}; ///< 1 to 1024 bytes, any.
    RecordKind kind = RecordKind::Value;
    Version version = {};
    qint64 expiresAtMs = 0;      ///< Unix ms, 0 = never. From then on it counts as a tombstone.
    QByteArray contentType = {}; ///< Empty: `value` is the exact JSON text. Else raw bytes of it.
    QByteArray context = {};     ///< Opaque causal context; empty until siblings exist.
    QByteArray value = {};       ///< Empty for a tombstone.

    [[nodiscard]] bool isLive(qint64 wallMs) const
    {
        return kind == RecordKind::Value && (expiresAtMs == 0 || wallMs < expiresAtMs);
    }
    bool operator==(const Record &) const = default;
};

/// A record whose bytes belong to somebody else, who must keep them while it is used.
struct RecordView
{
    QByteArrayView key = {};
    RecordKind kind = RecordKind::Value;
    Version version = {};
    qint64 expiresAtMs = 0;
    QByteArrayView contentType = {};
    QByteArrayView context = {};
    QByteArrayView value = {};

    [[nodiscard]] bool isLive(qint64 wallMs) const
    {
        return kind == RecordKind::Value && (expiresAtMs == 0 || wallMs < expiresAtMs);
    }
    /// A copy that owns its bytes.
    [[nodiscard]] Record toRecord() const;
    bool operator==(const RecordView &) const = default;
};

RecordView viewOf(const Record &record);

/// XXH3-64 over kind, expiry, content type, context and value (not key and version).
quint64 contentHashOf(const RecordView &record);
quint64 contentHashOf(const Record &record);

/// The order of records of one key: version, then content hash. The last decides only after a
/// cloned disk or a rolled-back snapshot reused a version, and still makes replicas equal.
struct Stamp
{
    Version version = {};
    quint64 contentHash = 0;
    auto operator<=>(const Stamp &) const = default;
};

/// What a writer has to know of a key: the newest version, and whether a reader would find it.
struct KeyState
{
    Version version = {}; ///< Zero where nothing ever was.
    bool isLive = false;

    [[nodiscard]] std::optional<Version> live() const
    {
        return isLive ? std::optional(version) : std::nullopt;
    }
    bool operator==(const KeyState &) const = default;
};

Stamp stampOf(const RecordView &record);
Stamp stampOf(const Record &record);

} // namespace dynakv::core
