// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/real_wire.h"

#include "daemon/cluster/message_codec.h"
#include "daemon/core/message.h"

namespace dynakv::sim {

std::optional<core::Message> RealWire::carry(core::LinkId link, const core::Message &message)
{
    constexpr quint64 kPieceBytesMax = 1500;
    auto &stream = m_streams[link];
    if (!stream) {
        stream = std::make_unique<Stream>();
        stream->parser.setFrameBytesMax(core::kFrameBytesMax);
        stream->parser.feed(cluster::kPreamble);
    }
    if (!stream->queue.add(core::laneOf(message), cluster::encodeMessage(message)))
        return std::nullopt;
    std::optional<core::Message> result;
    while (!stream->queue.isEmpty()) {
        const QByteArrayView piece =
            stream->queue.front(1 + static_cast<qsizetype>(m_random.below(kPieceBytesMax)));
        stream->parser.feed(piece);
        stream->queue.pop(piece.size());
        while (const auto frame = stream->parser.next()) {
            auto decoded = cluster::decodeMessage(*frame);
            if (result || !decoded || !*decoded)
                return std::nullopt;
            result = **std::move(decoded);
        }
    }
    return result;
}

} // namespace dynakv::sim
