// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/frame_codec.h"
#include "daemon/cluster/send_queue.h"
#include "daemon/core/effect.h"
#include "daemon/core/random.h"

#include <map>
#include <memory>
#include <optional>

namespace dynakv::sim {

/// What the daemon puts on a socket and takes from one: each message is encoded, queued, cut into
/// pieces where the stream pleases, put together again and decoded.
class RealWire
{
public:
    explicit RealWire(quint64 seed)
        : m_random(seed)
    {
    }
    /// What comes out at the other end of \a link; nothing if not this message and no other.
    std::optional<core::Message> carry(core::LinkId link, const core::Message &message);

private:
    struct Stream
    {
        cluster::SendQueue queue;
        cluster::FrameParser parser;
    };
    core::Random m_random;
    std::map<core::LinkId, std::unique_ptr<Stream>> m_streams;
};

} // namespace dynakv::sim
