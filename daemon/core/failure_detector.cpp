// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/failure_detector.h"

#include <algorithm>
#include <limits>

namespace dynakv::core {

void FailureDetector::heard(NodeId id, qint64 nowMs)
{
    Watch &watch = m_watches[id];
    watch.heardMs = nowMs;
    watch.refusedMs = -1;
    watch.probedMs = -1;
}

void FailureDetector::expectWithin(NodeId id, qint64 intervalMs, qint64 nowMs)
{
    Watch &watch = m_watches[id];
    watch.lateMs -= watch.lateMs / kLateFading;
    if (watch.beatMs >= 0)
        watch.lateMs = std::clamp(nowMs - watch.beatMs - watch.intervalMs, watch.lateMs,
                                  std::max(watch.lateMs, kSilenceMsMax / 2));
    watch.beatMs = nowMs;
    watch.intervalMs = std::clamp<qint64>(intervalMs, 0, kBeatMsMax);
}

qint64 FailureDetector::patienceOf(const Watch &watch)
{
    const qint64 forLate = std::min(watch.intervalMs + 2 * watch.lateMs, kSilenceMsMax);
    return std::max({kSilenceMs, kPatienceBeats * watch.intervalMs, forLate});
}

bool FailureDetector::keepsItsWord(NodeId id, qint64 nowMs) const
{
    const auto it = m_watches.find(id);
    return it != m_watches.end() && nowMs - it->second.heardMs <= patienceOf(it->second);
}

void FailureDetector::vouched(NodeId id, qint64 nowMs)
{
    const auto it = m_watches.find(id);
    if (it == m_watches.end())
        return;
    it->second.vouchedMs = nowMs;
    it->second.refusedMs = -1;
    it->second.probedMs = -1;
}

void FailureDetector::refused(NodeId id, qint64 nowMs)
{
    const auto it = m_watches.find(id);
    if (it == m_watches.end() || it->second.refusedMs >= 0)
        return;
    it->second.refusedMs = nowMs;
    m_calmUntilMs = 0;
}

bool FailureDetector::isHeard(NodeId id, qint64 nowMs) const
{
    const auto it = m_watches.find(id);
    return it != m_watches.end() && nowMs - it->second.heardMs <= kSilenceMs;
}

bool FailureDetector::isMute(NodeId id, qint64 nowMs) const
{
    return nowMs > muteAfterMs(id);
}

qint64 FailureDetector::heardUntilMs(NodeId id) const
{
    const auto it = m_watches.find(id);
    return it == m_watches.end() ? std::numeric_limits<qint64>::max()
                                 : it->second.heardMs + kSilenceMs;
}

qint64 FailureDetector::muteAfterMs(NodeId id) const
{
    const auto it = m_watches.find(id);
    return it == m_watches.end()
               ? std::numeric_limits<qint64>::max()
               : it->second.heardMs + kMuteMs - kSilenceMs + patienceOf(it->second);
}

bool FailureDetector::isSilent(const Watch &watch, qint64 nowMs)
{
    return watch.refusedMs >= 0 ||
           nowMs - std::max(watch.heardMs, watch.vouchedMs) > patienceOf(watch);
}

bool FailureDetector::isMissed(NodeId id, qint64 nowMs) const
{
    const auto it = m_watches.find(id);
    return it != m_watches.end() &&
           (it->second.refusedMs >= 0 ||
            nowMs - it->second.heardMs > patienceOf(it->second) + kProbeWaitMs);
}

/// Until when judge() would find nothing, whatever is heard meanwhile.
qint64 FailureDetector::calmUntil(const Watch &watch, MemberState state, qint64 nowMs)
{
    if (state == MemberState::Down || state == MemberState::Left)
        return nowMs + kSilenceMs;
    return isSilent(watch, nowMs) ? nowMs
                                  : std::max(watch.heardMs, watch.vouchedMs) + patienceOf(watch);
}

std::vector<FailureDetector::Finding> FailureDetector::judge(NodeId id, Watch &watch,
                                                             MemberState state, qint64 nowMs)
{
    using Kind = Finding::Kind;
    if (state == MemberState::Down || state == MemberState::Left || !isSilent(watch, nowMs)) {
        watch.suspectMs = -1;
        if (state != MemberState::Suspect)
            watch.probedMs = -1;
        if (state == MemberState::Down) {
            watch.lateMs = 0; // It was gone, which says nothing of how it comes.
            watch.beatMs = -1;
        }
        return {};
    }
    std::vector<Finding> findings;
    if (watch.probedMs < 0) {
        watch.probedMs = nowMs;
        findings.push_back({Kind::Probe, id});
    }
    const bool isHard = watch.refusedMs >= 0;
    if (state != MemberState::Suspect) {
        if (isHard || nowMs - watch.probedMs >= kProbeWaitMs)
            findings.push_back({Kind::Suspect, id});
        return findings;
    }
    if (watch.suspectMs < 0)
        watch.suspectMs = nowMs;
    if (nowMs - watch.suspectMs >= (isHard ? kSuspicionHardMs : kSuspicionMs))
        findings.push_back({Kind::Down, id});
    else if (nowMs - watch.probedMs >= 2 * kProbeWaitMs)
        watch.probedMs = -1; // Ask again while the suspicion lasts.
    return findings;
}

std::vector<FailureDetector::Finding> FailureDetector::tick(const Members &members, qint64 nowMs)
{
    const bool wasPaused = m_tickMs >= 0 && nowMs - m_tickMs > kPauseMs;
    m_tickMs = nowMs;
    m_calmUntilMs = nowMs + kSilenceMs; // Whoever is heard from now on is not silent before that.
    std::vector<Finding> findings;
    auto at = m_watches.begin(); // Both are in order: a thousand members are walked, not looked up.
    for (const auto &[id, state] : members) {
        while (at != m_watches.end() && at->first < id)
            at = m_watches.erase(at);
        const bool isNew = at == m_watches.end() || at->first != id;
        if (isNew)
            at = m_watches.emplace_hint(at, id, Watch{});
        Watch &watch = at->second;
        ++at;
        if (isNew || wasPaused) {
            watch = Watch{.heardMs = nowMs, .intervalMs = watch.intervalMs, .lateMs = watch.lateMs};
            continue;
        }
        for (const Finding &finding : judge(id, watch, state, nowMs))
            findings.push_back(finding);
        m_calmUntilMs = std::min(m_calmUntilMs, calmUntil(watch, state, nowMs));
    }
    m_watches.erase(at, m_watches.end());
    return findings;
}

bool FailureDetector::isCalm(qint64 nowMs)
{
    if (m_tickMs < 0 || nowMs - m_tickMs > kPauseMs || nowMs >= m_calmUntilMs)
        return false;
    m_tickMs = nowMs;
    return true;
}

} // namespace dynakv::core
