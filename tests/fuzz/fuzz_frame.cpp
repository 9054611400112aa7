// SPDX-License-Identifier: GPL-3.0-or-later

// What a peer may send: a stream cut into frames, each decoded as a message. The first input byte
// says into how large pieces the rest is cut. What is accepted must survive its own encoding.
#include "daemon/cluster/frame_codec.h"
#include "daemon/cluster/message_codec.h"
#include "daemon/cluster/persisted_state_codec.h"

#include <algorithm>
#include <cstdlib>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

void check(bool holds)
{
    if (!holds)
        std::abort();
}

void takeFrame(const Frame &frame)
{
    const auto message = decodeMessage(frame);
    if (!message || !message->has_value())
        return;
    FrameParser parser;
    parser.setFrameBytesMax(core::kFrameBytesMax);
    parser.feed(kPreamble);
    parser.feed(encodeMessage(**message));
    const auto again = parser.next();
    check(again.has_value());
    const auto same = decodeMessage(*again);
    check(same.ok() && same->has_value() && **same == **message);
}

void takeStream(QByteArrayView bytes, qsizetype piece)
{
    FrameParser parser;
    parser.setFrameBytesMax(core::kFrameBytesMax);
    parser.feed(kPreamble);
    while (!bytes.isEmpty()) {
        const qsizetype size = std::min(piece, bytes.size());
        parser.feed(bytes.first(size));
        bytes = bytes.sliced(size);
        while (const auto frame = parser.next())
            takeFrame(*frame);
    }
}

void takeState(QByteArrayView bytes)
{
    const auto state = decodeState(bytes);
    if (!state)
        return;
    const auto same = decodeState(encodeState(*state));
    check(same.ok() && *same == *state);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const quint8 *data, std::size_t size)
{
    if (size == 0)
        return 0;
    const QByteArrayView bytes(data + 1, static_cast<qsizetype>(size - 1));
    takeStream(bytes, 1 + qsizetype{data[0]});
    if (!bytes.isEmpty())
        takeFrame({static_cast<quint8>(bytes[0]), data[0], bytes.sliced(1).toByteArray()});
    takeState(bytes);
    return 0;
}
