// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QString>

#include <vector>

namespace dynakv::app {

/// What `verify`, `recover`, `restore` and `set-aside` were asked to do.
struct FileOptions
{
    QString file = {};
    QString newFile = {};  ///< Of `recover`.
    bool salvages = false; ///< Of `recover`: around the damage, not only up to it.
    QString dataDir = {};  ///< Of `restore` and `set-aside`.
    bool isJson = false;   ///< Of `verify`.
    bool operator==(const FileOptions &) const = default;
};

/// \a arguments behind the verb. The error is one line that says what to write instead.
base::Result<FileOptions> parseVerify(const std::vector<QByteArray> &arguments);
base::Result<FileOptions> parseRecover(const std::vector<QByteArray> &arguments);
base::Result<FileOptions> parseRestore(const std::vector<QByteArray> &arguments);
base::Result<FileOptions> parseSetAside(const std::vector<QByteArray> &arguments);

} // namespace dynakv::app
