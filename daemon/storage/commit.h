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

/// What opening the file found: told to the operator as it is.
struct OpenReport
{
    bool isNew = false; ///< The directory was empty; a file was founded.
    qint64 records = 0; ///< Records read, superseded ones included.
    qint64 fileBytes = 0;
    qint64 tornBytes = 0;    ///< Unacknowledged bytes cut off the end, 0 for none,
    QString tornKeptAt = {}; ///< and the file they were kept in.
    /// The file was damaged or is shorter than it was: it may lack what was acknowledged.
    bool mayLack = false;
    bool operator==(const OpenReport &) const = default;
};

/// One unit of a commit: all of it or nothing survives a crash. Records are within the limits of
/// shared/base/limits.h, metas within those of frame_codec.h, the whole within 64 MiB; a request
/// beyond them fails alone.
struct CommitRequest
{
    std::vector<core::Record> records = {};
    Metas metas = {};
    /// Wanted for this one, weaker or stronger than the worker's own mode; CommitResult tells what
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
