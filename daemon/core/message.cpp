// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/message.h"

#include <array>

namespace dynakv::core {

const char *kindName(std::size_t index)
{
    static constexpr std::array names{
        "hello",          "refusal",      "heartbeat",      "gossip",          "probe_request",
        "probe_reply",    "push",         "push_ack",       "roots_request",   "roots_reply",
        "leaves_request", "leaves_reply", "stamps_request", "stamps_reply",    "fetch_request",
        "fetch_reply",    "copy_request", "copy_reply",     "forwarded_write", "forwarded_outcome",
        "list_request",   "list_reply",
    };
    static_assert(names.size() == std::variant_size_v<Message>);
    return names.at(index);
}

Lane laneOf(const Message &message)
{
    const bool isControl =
        std::holds_alternative<Hello>(message) || std::holds_alternative<Refusal>(message) ||
        std::holds_alternative<Heartbeat>(message) || std::holds_alternative<Gossip>(message) ||
        std::holds_alternative<ProbeRequest>(message) ||
        std::holds_alternative<ProbeReply>(message);
    return isControl ? Lane::Control : Lane::Data;
}

} // namespace dynakv::core
