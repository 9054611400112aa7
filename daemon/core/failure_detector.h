// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/member.h"

#include <map>
#include <vector>

namespace dynakv::core {

/// Judges members by when they were last heard: a pure function of time. Silence leads to a probe
/// through others, then to suspicion, then to a verdict; a refused connection (the host's kernel
/// says that nobody listens) shortens the way. A pause of this very node is no evidence against
/// others.
class FailureDetector
{
public:
    static constexpr qint64 kSilenceMs = 2000;       ///< From the last frame to the probe.
    static constexpr qint64 kProbeWaitMs = 500;      ///< From the probe to the suspicion.
    static constexpr qint64 kSuspicionMs = 1500;     ///< From the suspicion to the verdict,
    static constexpr qint64 kSuspicionHardMs = 1000; ///< with hard evidence. Lets a restart return.
    static constexpr qint64 kPauseMs = 1000;         ///< A tick later than this distrusts itself.
    static constexpr qint64 kMuteMs = 5000;          ///< A link so long silent leads nowhere.
    /// So many heartbeats of one that comes seldom may be missing.
    static constexpr qint64 kPatienceBeats = 3;
    static constexpr qint64 kBeatMsMax = 60'000;

    struct Finding
    {
        enum class Kind : quint8 { Probe, Suspect, Down };
        Kind kind = Kind::Probe;
        NodeId id = 0;
        bool operator==(const Finding &) const = default;
    };

    /// A frame came from \a id itself.
    void heard(NodeId id, qint64 nowMs);
    /// \a id said that its next frame comes within \a intervalMs. Who is seldom heard is judged by
    /// those that hear it often, and here only after as many missing frames.
    void expectWithin(NodeId id, qint64 intervalMs);
    /// Somebody else heard \a id lately.
    void vouched(NodeId id, qint64 nowMs);
    /// A dial to \a id was refused.
    void refused(NodeId id, qint64 nowMs);
    /// Within kSilenceMs.
    [[nodiscard]] bool isHeard(NodeId id, qint64 nowMs) const;
    /// Not for longer than it said that it would be.
    [[nodiscard]] bool keepsItsWord(NodeId id, qint64 nowMs) const;
    /// Whether \a id is known and has itself been silent for kMuteMs, or more where it said so,
    /// whatever others say.
    [[nodiscard]] bool isMute(NodeId id, qint64 nowMs) const;

    /// \a members: the states as the table has them, this node left out. A member seen for the
    /// first time counts as just heard.
    std::vector<Finding> tick(const std::map<NodeId, MemberState> &members, qint64 nowMs);

private:
    struct Watch
    {
        qint64 heardMs = 0;
        qint64 vouchedMs = 0;
        qint64 refusedMs = -1; ///< -1: not since it was last heard.
        qint64 probedMs = -1;
        qint64 suspectMs = -1;
        qint64 intervalMs = 0; ///< 0: it has not said any.
    };
    static qint64 patienceOf(const Watch &watch);
    static bool isSilent(const Watch &watch, qint64 nowMs);
    static std::vector<Finding> judge(NodeId id, Watch &watch, MemberState state, qint64 nowMs);

    std::map<NodeId, Watch> m_watches;
    qint64 m_tickMs = -1;
};

} // namespace dynakv::core
