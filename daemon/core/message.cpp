// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/message.h"

namespace dynakv::core {

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
