// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/failure_detector.h"

#include <algorithm>

namespace dynakv::core {

void FailureDetector::heard(NodeId id, qint64 nowMs)
{
    Watch &watch = m_watches[id];
    watch.heardMs = nowMs;
    watch.refusedMs = -1;
    watch.probedMs = -1;
}

void FailureDetector::expectWithin(NodeId id, qint64 intervalMs)
{
    m_watches[id].intervalMs = std::clamp<qint64>(intervalMs, 0, kBeatMsMax);
}

qint64 FailureDetector::patienceOf(const Watch &watch)
{
    return std::max(kSilenceMs, kPatienceBeats * watch.intervalMs);
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
    if (it != m_watches.end() && it->second.refusedMs < 0)
        it->second.refusedMs = nowMs;
}

bool FailureDetector::isHeard(NodeId id, qint64 nowMs) const
{
    const auto it = m_watches.find(id);
    return it != m_watches.end() && nowMs - it->second.heardMs <= kSilenceMs;
}

bool FailureDetector::isMute(NodeId id, qint64 nowMs) const
{
    const auto it = m_watches.find(id);
    return it != m_watches.end() &&
           nowMs - it->second.heardMs > kMuteMs - kSilenceMs + patienceOf(it->second);
}

bool FailureDetector::isSilent(const Watch &watch, qint64 nowMs)
{
    return watch.refusedMs >= 0 ||
           nowMs - std::max(watch.heardMs, watch.vouchedMs) > patienceOf(watch);
}

std::vector<FailureDetector::Finding> FailureDetector::judge(NodeId id, Watch &watch,
                                                             MemberState state, qint64 nowMs)
{
    using Kind = Finding::Kind;
    if (state == MemberState::Down || state == MemberState::Left || !isSilent(watch, nowMs)) {
        watch.suspectMs = -1;
        if (state != MemberState::Suspect)
            watch.probedMs = -1;
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

std::vector<FailureDetector::Finding>
FailureDetector::tick(const std::map<NodeId, MemberState> &members, qint64 nowMs)
{
    const bool wasPaused = m_tickMs >= 0 && nowMs - m_tickMs > kPauseMs;
    m_tickMs = nowMs;
    std::erase_if(m_watches, [&](const auto &each) { return !members.contains(each.first); });
    std::vector<Finding> findings;
    for (const auto &[id, state] : members) {
        const auto [it, isNew] = m_watches.try_emplace(id);
        if (isNew || wasPaused) {
            it->second = Watch{.heardMs = nowMs, .intervalMs = it->second.intervalMs};
            continue;
        }
        for (const Finding &finding : judge(id, it->second, state, nowMs))
            findings.push_back(finding);
    }
    return findings;
}

} // namespace dynakv::core
