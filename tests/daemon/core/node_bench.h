// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/node.h"
#include "tests/support/map_records.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace dynakv::testing {

inline constexpr core::NodeId kSelf = 10;
inline constexpr qint64 kWallMs = 1'700'000'000'000;

/// One node; the test plays its disk, its network and every other member.
struct NodeBench
{
    MapRecords records = {};
    core::NodeConfig config = {};
    core::PersistedState state = {};
    std::unique_ptr<core::Node> node = {};
    core::Time now{1000, kWallMs};
    bool isDiskFull = false;
    bool isDiskHeld = false; ///< Appends wait in `appends` until the test lets them go.
    std::vector<core::Append> appends = {};
    bool isBackgroundHeld = false; ///< What is to be resumed waits in `resumes`.
    std::vector<core::Resume> resumes = {};
    std::vector<core::Send> sent = {};
    std::vector<core::Dial> dials = {};
    std::vector<core::LinkId> closed = {};
    std::vector<core::Reply> replies = {};
    std::vector<core::Log> logs = {};
    std::vector<core::OperatorReply> operated = {};
    core::LinkId lastLink = 0;
    struct Peer
    {
        core::LinkId link = 0;
        core::Hello hello = {};
        quint64 sequence = 0;
        quint32 memoryUsedPermille = 0;
        quint64 answered = 0; ///< The last RootsRequest.
    };

    NodeBench()
    {
        config.api = {"10.0.0.10", 6660};
        config.cluster = {"10.0.0.10", 16660};
        config.bootId = 77;
        config.seed = 1;
        state.node = kSelf;
        state.generation = 1;
    }
    void start()
    {
        node = std::make_unique<core::Node>(config, state, records);
        carryOut(node->start(now, records.newestClock()));
    }
    void feed(core::Event event) { carryOut(node->handle(std::move(event), now)); }
    void carryOut(core::Effects effects)
    {
        for (core::Effect &effect : effects) {
            if (const auto *save = std::get_if<core::SaveState>(&effect))
                feed(core::StateSaved{save->revision, !isDiskFull, isDiskFull});
            else if (auto *append = std::get_if<core::Append>(&effect))
                take(std::move(*append));
            else if (auto *send = std::get_if<core::Send>(&effect))
                sent.push_back(std::move(*send));
            else if (const auto *dial = std::get_if<core::Dial>(&effect))
                dials.push_back(*dial);
            else if (const auto *close = std::get_if<core::CloseLink>(&effect))
                closed.push_back(close->link);
            else if (const auto *reply = std::get_if<core::Reply>(&effect))
                replies.push_back(*reply);
            else if (const auto *done = std::get_if<core::OperatorReply>(&effect))
                operated.push_back(*done);
            else if (const auto *resume = std::get_if<core::Resume>(&effect))
                take(*resume);
            else if (const auto *log = std::get_if<core::Log>(&effect))
                logs.push_back(*log);
        }
    }
    void take(const core::Resume &resume)
    {
        if (isBackgroundHeld)
            resumes.push_back(resume);
        else
            feed(core::Resumed{resume.ticket});
    }
    void take(core::Append append)
    {
        appends.push_back(std::move(append));
        if (!isDiskHeld)
            letDiskGo();
    }
    void letDiskGo()
    {
        for (const core::Append &append : std::exchange(appends, {})) {
            if (isDiskFull) {
                feed(core::Committed{append.ticket, core::Committed::Result::NoSpace,
                                     core::Durability::Sync, "why"});
                continue;
            }
            for (const core::Record &each : append.records)
                records.apply(each);
            feed(core::Committed{append.ticket});
        }
    }

    Peer open(core::NodeId id, quint32 memberCount, quint64 clusterId, bool isOutgoing = false)
    {
        Peer peer;
        peer.link = ++lastLink;
        peer.hello.clusterId = clusterId;
        peer.hello.node = id;
        peer.hello.generation = 1;
        peer.hello.bootId = id;
        peer.hello.apiPort = 6660;
        peer.hello.clusterPort = 16660;
        peer.hello.memberCount = memberCount;
        feed(core::LinkOpened{peer.link, isOutgoing, 0, "10.0.0.10", "10.0.0.1"});
        return peer;
    }
    void greet(const Peer &peer) { feed(core::Received{peer.link, peer.hello}); }
    /// A member of this node's cluster with an established link, known to be alive.
    Peer join(core::NodeId id)
    {
        const Peer peer = open(id, 3, clusterId());
        greet(peer);
        gossip(peer, {memberRecord(id, core::MemberState::Alive)});
        return peer;
    }
    void gossip(const Peer &peer, const std::vector<core::MemberRecord> &members)
    {
        feed(core::Received{peer.link, core::Gossip{members, false}});
    }
    void beat(Peer &peer, qint64 echoMs = 0, qint64 wallOffsetMs = 0)
    {
        core::Heartbeat beat;
        beat.memoryUsedPermille = peer.memoryUsedPermille;
        beat.sequence = ++peer.sequence;
        beat.wallMs = now.wallMs + wallOffsetMs;
        beat.sentMs = 1;
        beat.echoMs = echoMs;
        feed(core::Received{peer.link, beat});
    }
    void pass(qint64 ms)
    {
        now.monoMs += ms;
        now.wallMs += ms;
    }

    void tick()
    {
        pass(core::kTickMs);
        feed(core::Tick{});
    }
    /// What a write of \a key is answered.
    core::WriteOutcome write(const QByteArray &key, core::RecordKind kind = core::RecordKind::Value,
                             const QByteArray &value = "1")
    {
        feed(core::ClientWrite{1, {.key = key, .kind = kind, .value = value}});
        return replies.back().outcome;
    }
    /// Makes the directory that of an old member of cluster 0xabc, with the members 20 and up.
    void belongTo(int others)
    {
        state.clusterId = 0xabc;
        state.caughtUpOnce = true;
        state.members = {memberRecord(kSelf, core::MemberState::Alive)};
        for (core::NodeId id = 20; id < 20 + static_cast<core::NodeId>(others); ++id)
            state.members.push_back(memberRecord(id, core::MemberState::Alive));
    }
    /// \a peer answers every comparison asked of it: it holds just what this node holds.
    void answerComparisons(Peer &peer, bool isCaughtUp)
    {
        for (const core::RootsRequest &roots : sentOn<core::RootsRequest>(peer.link)) {
            if (std::exchange(peer.answered, std::max(peer.answered, roots.id)) < roots.id)
                feed(core::Received{peer.link, core::RootsReply{.id = roots.id,
                                                                .roots = records.treeRoots(),
                                                                .caughtUp = isCaughtUp,
                                                                .promise = 1}});
        }
    }
    void beatCaughtUp(Peer &peer)
    {
        feed(core::Received{
            peer.link,
            core::Heartbeat{.sequence = ++peer.sequence, .wallMs = now.wallMs, .caughtUp = true}});
    }
    /// Lines of \a level that contain \a part.
    [[nodiscard]] qsizetype logged(core::Log::Level level, const QByteArray &part) const
    {
        return std::count_if(logs.begin(), logs.end(), [&](const core::Log &each) {
            return each.level == level && each.text.contains(part);
        });
    }

    static core::MemberRecord memberRecord(core::NodeId id, core::MemberState state,
                                           quint32 incarnation = 0)
    {
        const QByteArray host = "10.0.0." + QByteArray::number(id);
        return {id, 1, incarnation, state, {host, 6660}, {host, 16660}, "1"};
    }
    [[nodiscard]] quint64 clusterId() const { return node->view().clusterId; }
    [[nodiscard]] const core::MemberView row(core::NodeId id) const
    {
        for (const core::MemberView &each : node->view().members) {
            if (each.id == id)
                return each;
        }
        return {};
    }
    [[nodiscard]] bool knows(core::NodeId id) const { return row(id).id == id; }
    [[nodiscard]] bool isClosed(const Peer &peer) const
    {
        return std::find(closed.begin(), closed.end(), peer.link) != closed.end();
    }
    template <typename T>
    [[nodiscard]] std::vector<T> sentOn(core::LinkId link) const
    {
        std::vector<T> result;
        for (const core::Send &each : sent) {
            const auto *message = std::get_if<T>(&each.message);
            if (each.link == link && message != nullptr)
                result.push_back(*message);
        }
        return result;
    }
};

} // namespace dynakv::testing
