// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/member.h"

#include <map>
#include <utility>
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
    /// Who was late is given twice as much time as it was late by, up to this,
    static constexpr qint64 kSilenceMsMax = 6000;
    /// and a 32nd less of it with each heartbeat: half after 11 s.
    static constexpr qint64 kLateFading = 32;

    struct Finding
    {
        enum class Kind : quint8 { Probe, Suspect, Down };
        Kind kind = Kind::Probe;
        NodeId id = 0;
        bool operator==(const Finding &) const = default;
    };

    /// A frame came from \a id itself.
    void heard(NodeId id, qint64 nowMs);
    /// A heartbeat of \a id came, which says that the next one comes within \a intervalMs. Who is
    /// seldom heard is judged by those that hear it often, and here only after as many missing
    /// frames. Who keeps its word is judged by kSilenceMs; who was late lately, or stands behind a
    /// link that is, has as much more time as that calls for.
    void expectWithin(NodeId id, qint64 intervalMs, qint64 nowMs);
    /// Somebody else heard \a id lately.
    void vouched(NodeId id, qint64 nowMs);
    /// A dial to \a id was refused.
    void refused(NodeId id, qint64 nowMs);
    /// Within kSilenceMs.
    [[nodiscard]] bool isHeard(NodeId id, qint64 nowMs) const;
    /// As long as nothing new comes; the end of time for who is not known.
    [[nodiscard]] qint64 heardUntilMs(NodeId id) const;
    /// Not for longer than it said that it would be.
    [[nodiscard]] bool keepsItsWord(NodeId id, qint64 nowMs) const;
    /// Whether \a id is known and has itself been silent for kMuteMs, or more where it said so,
    /// whatever others say.
    [[nodiscard]] bool isMute(NodeId id, qint64 nowMs) const;
    /// When that begins, as long as nothing new comes; the end of time for who is not known.
    [[nodiscard]] qint64 muteAfterMs(NodeId id) const;

    /// Whether \a id itself has been silent for as long as would make it a suspect here if nobody
    /// vouched for it, or its dial was refused.
    [[nodiscard]] bool isMissed(NodeId id, qint64 nowMs) const;

    using Members = std::vector<std::pair<NodeId, MemberState>>;
    /// \a members: the states as the table has them, in the order of their ids, this node left out.
    /// A member seen for the first time counts as just heard.
    std::vector<Finding> tick(const Members &members, qint64 nowMs);
    /// In place of a tick(): true if that would find nothing and change nothing, as long as the
    /// members and their states are those of the last one.
    bool isCalm(qint64 nowMs);

private:
    struct Watch
    {
        qint64 heardMs = 0;
        qint64 vouchedMs = 0;
        qint64 refusedMs = -1; ///< -1: not since it was last heard.
        qint64 probedMs = -1;
        qint64 suspectMs = -1;
        qint64 intervalMs = 0; ///< 0: it has not said any.
        qint64 beatMs = -1;    ///< When it said so; -1: this node stood still since then.
        qint64 lateMs = 0;     ///< By how much its heartbeats were late lately.
    };
    static qint64 patienceOf(const Watch &watch);
    static bool isSilent(const Watch &watch, qint64 nowMs);
    static qint64 calmUntil(const Watch &watch, MemberState state, qint64 nowMs);
    static std::vector<Finding> judge(NodeId id, Watch &watch, MemberState state, qint64 nowMs);

    std::map<NodeId, Watch> m_watches;
    qint64 m_tickMs = -1;
    qint64 m_calmUntilMs = 0;
};

} // namespace dynakv::core
