// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/coordinator.h"

namespace dynakv::core {

QByteArray toText(Durability durability)
{
    switch (durability) {
    case Durability::Memory:
        return "memory";
    case Durability::Os:
        return "os";
    case Durability::Interval:
        return "interval";
    case Durability::Sync:
        return "sync";
    }
    return {};
}

std::optional<Durability> parseDurability(QByteArrayView text)
{
    for (const Durability each :
         {Durability::Memory, Durability::Os, Durability::Interval, Durability::Sync}) {
        if (text == toText(each))
            return each;
    }
    return std::nullopt;
}

int requiredOf(const WriteConcern &concern, int replicas)
{
    switch (concern.kind) {
    case WriteConcern::Kind::Count:
        return concern.count;
    case WriteConcern::Kind::Quorum:
        return replicas / 2 + 1;
    case WriteConcern::Kind::All:
        return replicas;
    }
    return replicas;
}

QByteArray toText(MemberState state)
{
    switch (state) {
    case MemberState::Joining:
        return "joining";
    case MemberState::Alive:
        return "alive";
    case MemberState::Suspect:
        return "suspect";
    case MemberState::Down:
        return "down";
    case MemberState::Leaving:
        return "leaving";
    case MemberState::Left:
        return "left";
    }
    return {};
}

QByteArray toText(WriteOutcome::Status status)
{
    switch (status) {
    case WriteOutcome::Status::Done:
        return "done";
    case WriteOutcome::Status::TooFewReplicas:
        return "too_few_replicas";
    case WriteOutcome::Status::NotReady:
        return "not_ready";
    case WriteOutcome::Status::ClockOff:
        return "clock_off";
    case WriteOutcome::Status::NoSpace:
        return "full";
    case WriteOutcome::Status::Failed:
        return "failed";
    case WriteOutcome::Status::ConditionFailed:
        return "condition_failed";
    }
    return {};
}

} // namespace dynakv::core
