// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QString>

#include <vector>

namespace dynakv::app {

enum class ImportMode : quint8 {
    OnlyMissing, ///< Writes a key only where there is none.
    Overwrite,   ///< Writes every key.
};
/// `only-missing`, `overwrite`.
QByteArray toText(ImportMode mode);

/// What `export` and `import` were asked to do.
struct TransferOptions
{
    QString file = {}; ///< Of an export, empty: standard output. Of an import, `-`: standard input.
    QString source = {};    ///< Of an export: the storage.db that it reads; empty: it asks a node.
    QByteArray prefix = {}; ///< Of an export.
    ImportMode mode = ImportMode::OnlyMissing;
    bool resumes = false;
    bool isForced = false; ///< Of an import: take what is left of a cut file.
    bool showsProgress = false;
    QByteArray address = {}; ///< As it stands on the command line; empty: not there.
    bool operator==(const TransferOptions &) const = default;
};

/// \a arguments behind the verb. The error is one line that says what to write instead.
base::Result<TransferOptions> parseExport(const std::vector<QByteArray> &arguments);
base::Result<TransferOptions> parseImport(const std::vector<QByteArray> &arguments);

} // namespace dynakv::app
