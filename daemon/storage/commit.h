// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/core/record.h"

#include <QByteArray>
#include <QString>

#include <map>
#include <optional>
#include <vector>

namespace dynakv::storage {

/// Small named values of the node itself (identity, member table): the newest of a name counts.
using Metas = std::map<QByteArray, QByteArray>;

/// The meta of a file that lost acknowledged data and was put together again: why, for people.
/// Empty once the other members have repaired it.
inline constexpr QByteArrayView kLossMetaName("loss");
/// The meta of a file that was made out of a backup: which one, for people.
inline constexpr QByteArrayView kRestoredMetaName("restored");

/// What opening the file found: told to the operator as it is.
struct OpenReport
{
    bool isNew = false;     ///< The directory was empty; a file was founded.
    qint64 records = 0;     ///< Records read, superseded ones included,
    qint64 baseRecords = 0; ///< and how many of them stood in the base section.
    qint64 fileBytes = 0;   ///< Without room that is reserved behind the log.
    quint64 generation = 1;
    bool wasSealed = false;           ///< The last stop was a clean one.
    bool isSuperblockDamaged = false; ///< One of the two copies; the other one was read.
    bool mayLack = false;    ///< It may lack what it once acknowledged; the other members have it.
    qint64 tornBytes = 0;    ///< Unacknowledged bytes cut off the end, 0 for none,
    QString tornKeptAt = {}; ///< and the file they were kept in.
    bool operator==(const OpenReport &) const = default;
};

/// One unit of a commit: all of it or nothing survives a crash. Records are within the limits of
/// shared/base/limits.h, metas within those of frame_codec.h, the whole within 64 MiB; a request
/// beyond them fails alone.
struct CommitRequest
{
    std::vector<core::Record> records = {};
    Metas metas = {};
    /// Wanted for this one, weaker or stronger than the storage's own mode; CommitResult tells what
    /// held.
    std::optional<core::Durability> durability = {};
};

struct CommitResult
{
    enum class Status : quint8 { Done, NoSpace, Failed };
    Status status = Status::Done;
    core::Durability durability = core::Durability::Sync;
    QByteArray detail = {};
    bool operator==(const CommitResult &) const = default;
};

} // namespace dynakv::storage
