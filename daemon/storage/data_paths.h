// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace dynakv::storage {

/// The names in a data directory.
struct DataPaths
{
    explicit DataPaths(const QString &directoryPath);

    QString directory;
    QString file;       ///< storage.db
    QString lock;       ///< storage.db.lock, kept for ever.
    QString unfinished; ///< storage.db.new, a file being founded or rewritten; never loaded.
    QString tornDraft;  ///< storage.db.torn.new, remains being kept; never loaded.
    QString backups;    ///< The directory of the backups.

    /// Where the remains cut off at \a offset are kept; \a number from 1 on makes it free.
    [[nodiscard]] QString tornRemains(qint64 offset, int number) const;
};

} // namespace dynakv::storage
