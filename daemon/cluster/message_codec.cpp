// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"

#include "daemon/cluster/message_fields.h"

namespace dynakv::cluster {
namespace {

using core::Message;

/// In the order of core::Message's alternatives.
constexpr MessageType kTypes[] = {
    MessageType::Hello,          MessageType::Refusal,          MessageType::Heartbeat,
    MessageType::Gossip,         MessageType::ProbeRequest,     MessageType::ProbeReply,
    MessageType::Push,           MessageType::PushAck,          MessageType::RootsRequest,
    MessageType::RootsReply,     MessageType::LeavesRequest,    MessageType::LeavesReply,
    MessageType::StampsRequest,  MessageType::StampsReply,      MessageType::FetchRequest,
    MessageType::FetchReply,     MessageType::CopyRequest,      MessageType::CopyReply,
    MessageType::ForwardedWrite, MessageType::ForwardedOutcome, MessageType::ListRequest,
    MessageType::ListReply,
};
static_assert(std::size(kTypes) == std::variant_size_v<Message>);

using Decoded = base::Result<std::optional<Message>>;

template <std::size_t index>
Decoded decodeAs(const Frame &frame)
{
    auto parsed = cbor::parseMap<std::variant_alternative_t<index, Message>>(frame.body);
    if (!parsed) {
        return base::Error{base::ErrorCode::Corrupt, "a frame of type " +
                                                         QByteArray::number(frame.type) + ": " +
                                                         parsed.error().message};
    }
    return std::optional<Message>(std::move(*parsed));
}

template <std::size_t... indexes>
Decoded decodeAny(const Frame &frame, std::index_sequence<indexes...>)
{
    Decoded result = std::optional<Message>();
    const bool isKnown = ((static_cast<quint8>(kTypes[indexes]) == frame.type &&
                           (result = decodeAs<indexes>(frame), true)) ||
                          ...);
    if (!isKnown && (frame.flags & kMustUnderstand) != 0) {
        return base::Error{base::ErrorCode::Unsupported,
                           "a frame of type " + QByteArray::number(frame.type) +
                               " must be understood; the other node's version is newer"};
    }
    return result;
}

} // namespace

QByteArray encodeMessage(const Message &message)
{
    QByteArray frame = encodeFrame({static_cast<quint8>(kTypes[message.index()]), 0, {}});
    {
        cbor::Output out(frame);
        std::visit([&out](const auto &each) { cbor::writeMap(out, each); }, message);
    }
    finishFrame(frame);
    return frame;
}

Decoded decodeMessage(const Frame &frame)
{
    return decodeAny(frame, std::make_index_sequence<std::variant_size_v<Message>>());
}

} // namespace dynakv::cluster
