// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_window.h"
#include "daemon/storage/frame_codec.h"

namespace dynakv::storage {

/// Follows the chain of frames through a file. Thread: its owner's. \a window must outlive it.
class FrameReader
{
public:
    struct Frame
    {
        FrameHeader header = {};
        qint64 offset = 0;
        QByteArrayView payload = {}; ///< Valid until the window is used again.
    };

    FrameReader(FileWindow &window, const FrameChain &chain);

    /// Of the frame that next() looks for.
    [[nodiscard]] const FrameChain &chain() const { return m_chain; }
    /// The frame that the chain expects; nothing if no whole, intact one stands there. Io errors
    /// only.
    base::Result<std::optional<Frame>> next();

private:
    FileWindow &m_window;
    FrameChain m_chain;
};

} // namespace dynakv::storage
