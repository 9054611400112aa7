// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_window.h"
#include "daemon/storage/frame_codec.h"

namespace dynakv::storage {

/// What stands behind the last frame that continues the chain. A torn write and damaged data look
/// alike at the place itself; what tells them apart comes later in the file.
struct LogEnd
{
    qint64 torn = 0;         ///< Bytes up to the last one that is not zero; 0: nothing but zeros.
    qint64 provenOffset = 0; ///< Later frames say that the file was safe up to here.
    quint64 laterSeq = 0;    ///< First entry of the first intact frame behind, 0 if there is none.
    qint64 laterOffset = 0;

    /// Whether what is missing was acknowledged.
    [[nodiscard]] bool isDamage(qint64 offset) const { return provenOffset > offset; }
};

/// Looks through the file from where \a chain ends.
base::Result<LogEnd> examineLogEnd(FileWindow &window, const FrameChain &chain);

} // namespace dynakv::storage
