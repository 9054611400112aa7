// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/quorum_reader.h"

#include <algorithm>

namespace dynakv::core {
namespace {

constexpr LinkId kSelf = 0; ///< Drivers number links from 1.
constexpr qint64 kFetchBytesMax = qint64{64} << 20;

Stamp stampOrZero(const std::optional<Record> &record)
{
    return record ? stampOf(*record) : Stamp{};
}

} // namespace

void QuorumReader::read(const ClientRead &read, const std::vector<LinkId> &links, bool isReady,
                        int replicas, qint64 nowMs, Effects &out)
{
    const quint64 number = ++m_ids;
    Open open{read.request, read.read.key, read.read.atLeast, nowMs + read.read.timeoutMs};
    open.outcome.required = requiredOf(read.read.concern, replicas);
    open.outcome.replicas = replicas;
    if (isReady)
        open.answers[kSelf].stamp = m_records.stampOf(open.key).value_or(Stamp{});
    for (const LinkId link : links) {
        const quint64 message = ++m_ids;
        open.awaited.emplace(message, link);
        m_messages.emplace(message, number);
        out.push_back(Send{link, CopyRequest{message, open.key}});
    }
    proceed(m_reads.emplace(number, std::move(open)).first, out);
}

QuorumReader::Reads::iterator QuorumReader::readOf(quint64 message)
{
    const auto at = m_messages.find(message);
    return at == m_messages.end() ? m_reads.end() : m_reads.find(at->second);
}

void QuorumReader::answered(LinkId link, const CopyReply &reply, Effects &out)
{
    const auto at = readOf(reply.id);
    if (at == m_reads.end())
        return;
    const auto message = at->second.awaited.find(reply.id);
    if (message == at->second.awaited.end() || message->second != link)
        return;
    m_messages.erase(reply.id);
    at->second.awaited.erase(message);
    Answer &answer = at->second.answers[link];
    if (reply.copy.isHeld) {
        answer.stamp = reply.copy.stamp;
        answer.bytes = std::clamp<qint64>(reply.copy.valueBytes, 0, kFrameBytesMax);
    }
    proceed(at, out);
}

std::optional<Record> QuorumReader::answered(LinkId link, const FetchReply &reply, Effects &out)
{
    const auto at = readOf(reply.id);
    if (at == m_reads.end() || !at->second.fetch || at->second.fetch->id != reply.id ||
        at->second.fetch->link != link)
        return std::nullopt;
    Open &open = at->second;
    endFetch(open);
    // A member never forgets, so that this is no less than the stamp it told.
    if (reply.records.size() != 1 || reply.records.front().key != open.key ||
        stampOf(reply.records.front()) < open.answers[link].stamp) {
        open.answers.erase(link);
        proceed(at, out);
        return std::nullopt;
    }
    const Record &fetched = reply.records.front();
    auto own = m_records.find(open.key);
    if (stampOrZero(own) >= stampOf(fetched)) {
        finish(at, std::move(own), out);
        return std::nullopt;
    }
    finish(at, fetched, out);
    return fetched;
}

void QuorumReader::linkLost(LinkId link, Effects &out)
{
    for (auto it = m_reads.begin(); it != m_reads.end();) {
        const auto at = it++;
        Open &open = at->second;
        // What it told counts no more, as it cannot be fetched; others may have the same.
        std::size_t lost = open.answers.erase(link);
        lost += std::erase_if(open.awaited, [&](const auto &each) {
            return each.second == link && m_messages.erase(each.first) > 0;
        });
        if (open.fetch && open.fetch->link == link)
            endFetch(open);
        if (lost > 0)
            proceed(at, out);
    }
}

void QuorumReader::expire(qint64 nowMs, Effects &out)
{
    for (auto it = m_reads.begin(); it != m_reads.end();) {
        const auto at = it++;
        if (nowMs < at->second.deadlineMs) {
            if (isLate(at->second, nowMs)) {
                at->second.answers.erase(at->second.fetch->link);
                endFetch(at->second);
                proceed(at, out);
            }
            continue;
        }
        const bool isTooOld =
            !at->second.fetch && at->second.outcome.acked >= at->second.outcome.required;
        fail(at, isTooOld ? ReadOutcome::Status::TooOld : ReadOutcome::Status::TooFewReplicas,
             "too few replicas answered in time", out);
    }
}

/// Whether a member takes so long to give its record that another one had better be asked: half of
/// the time that was left when it was asked.
bool QuorumReader::isLate(Open &open, qint64 nowMs)
{
    const std::size_t others = open.answers.size() + open.awaited.size() - 1;
    if (!open.fetch || others < static_cast<std::size_t>(open.outcome.required))
        return false;
    if (open.fetch->dueMs == 0)
        open.fetch->dueMs = nowMs + (open.deadlineMs - nowMs) / 2;
    return nowMs >= open.fetch->dueMs;
}

/// Takes the next step that can be taken: answers, fetches or gives up.
void QuorumReader::proceed(Reads::iterator at, Effects &out)
{
    Open &open = at->second;
    open.outcome.acked = static_cast<int>(open.answers.size());
    if (open.fetch)
        return;
    const auto newest = std::max_element(
        open.answers.begin(), open.answers.end(),
        [](const auto &a, const auto &b) { return a.second.stamp < b.second.stamp; });
    const bool areEnough = open.outcome.acked >= open.outcome.required;
    // Where it was purged everywhere there is nothing, and nothing newer.
    const bool isNewEnough =
        !open.atLeast ||
        (newest != open.answers.end() &&
         (newest->second.stamp.version >= *open.atLeast ||
          (newest->second.stamp == Stamp{} && open.atLeast->clock <= m_purgedUpTo)));
    if (!areEnough || !isNewEnough) {
        if (!open.awaited.empty())
            return;
        if (!areEnough)
            return fail(at, ReadOutcome::Status::TooFewReplicas, "too few replicas can be asked",
                        out);
        return fail(at, ReadOutcome::Status::TooOld,
                    "no replica that can be asked has that version", out);
    }
    auto own = m_records.find(open.key);
    if (stampOrZero(own) >= newest->second.stamp)
        return finish(at, std::move(own), out);
    fetch(at, newest->first, out);
}

void QuorumReader::fetch(Reads::iterator at, LinkId from, Effects &out)
{
    Open &open = at->second;
    const qint64 bytes = open.answers[from].bytes;
    if (m_fetchBytes > 0 && m_fetchBytes + bytes > kFetchBytesMax)
        return fail(at, ReadOutcome::Status::NotReady, "overloaded: too much is being fetched",
                    out);
    m_fetchBytes += bytes;
    open.fetch = Fetch{++m_ids, from, bytes};
    m_messages.emplace(open.fetch->id, at->first);
    out.push_back(Send{from, FetchRequest{open.fetch->id, {open.key}}});
}

void QuorumReader::endFetch(Open &open)
{
    m_messages.erase(open.fetch->id);
    m_fetchBytes -= open.fetch->bytes;
    open.fetch.reset();
}

void QuorumReader::finish(Reads::iterator at, std::optional<Record> newest, Effects &out)
{
    Open &open = at->second;
    for (const auto &[link, answer] : open.answers) {
        if (link != kSelf && newest && answer.stamp < stampOf(*newest))
            out.push_back(Send{link, Push{++m_ids, {*newest}}});
    }
    open.outcome.record = std::move(newest);
    for (const auto &[message, link] : open.awaited)
        m_messages.erase(message);
    out.push_back(ReadReply{open.request, std::move(open.outcome)});
    m_reads.erase(at);
}

void QuorumReader::fail(Reads::iterator at, ReadOutcome::Status status, const char *detail,
                        Effects &out)
{
    if (at->second.fetch)
        endFetch(at->second);
    at->second.outcome.status = status;
    at->second.outcome.detail = detail;
    at->second.answers.clear(); // Nothing is repaired with what was not read.
    finish(at, std::nullopt, out);
}

} // namespace dynakv::core
