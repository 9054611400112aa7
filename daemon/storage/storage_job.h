// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

namespace dynakv::storage {

/// Work on the whole file that goes on beside commits, as somebody sees it who follows it.
struct StorageJob
{
    enum class Kind : quint8 {
        Compaction,
        Backup,
        Healing, ///< A compaction because the file must not be written any more.
    };
    enum class State : quint8 { Running, Done, Failed };

    quint64 id = 0; ///< From 1 on, in one process.
    Kind kind = Kind::Compaction;
    State state = State::Running;
    qint64 startedMs = 0;        ///< Unix ms.
    qint64 endedMs = 0;          ///< Likewise; 0 while it runs.
    quint64 records = 0;         ///< Written so far,
    quint64 recordsExpected = 0; ///< of about so many.
    qint64 bytes = 0;            ///< Of the new file.
    qint64 pausedUs = 0;         ///< How long writes stood still for it.
    QString path = {};           ///< Of a finished backup.
    QByteArray sha256 = {};      ///< Of a finished backup, in hex.
    QByteArray detail = {};      ///< Why it failed, for people.
    bool operator==(const StorageJob &) const = default;
};
QByteArray toText(StorageJob::Kind kind);
QByteArray toText(StorageJob::State state);

} // namespace dynakv::storage
