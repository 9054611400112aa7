// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/transfer_options.h"
#include "daemon/storage/file_system.h"

namespace dynakv::app {

/// What came of the records so far.
struct ImportCounts
{
    qint64 written = 0;
    qint64 existing = 0; ///< Left as they are, since the key was there.
    qint64 expired = 0;  ///< Left out, since their time was over.
    qint64 failed = 0;   ///< Refused for good.
    bool operator==(const ImportCounts &) const = default;
};

/// How far an import has come, kept beside its file so that a later run can go on.
struct ImportProgress
{
    QByteArray clusterId = {}; ///< The target.
    ImportMode mode = ImportMode::OnlyMissing;
    QByteArray sha256 = {}; ///< Of the file's records.
    qint64 line = 0;        ///< Every line up to this one is done.
    ImportCounts counts = {};
    bool operator==(const ImportProgress &) const = default;
};

QByteArray toText(const ImportProgress &progress);
base::Result<ImportProgress> parseImportProgress(const QByteArray &text);

/// FILE.import-progress: always whole, replaced in one step.
class ImportProgressFile
{
public:
    /// \a importPath: FILE.
    ImportProgressFile(storage::FileSystem &files, const QString &importPath);

    /// NotFound where there is none.
    base::Result<ImportProgress> load();
    base::Result<void> save(const ImportProgress &progress);
    base::Result<void> remove();
    [[nodiscard]] const QString &path() const { return m_path; }

private:
    storage::FileSystem &m_files;
    QString m_path;
};

} // namespace dynakv::app
