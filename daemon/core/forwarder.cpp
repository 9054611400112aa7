// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/forwarder.h"

namespace dynakv::core {
namespace {

/// The driver numbers its clients' requests from 1; nobody counts so far.
constexpr RequestId kForPeer = RequestId{1} << 63;
constexpr std::size_t kIncomingMax = 10'000;
constexpr qsizetype kIncomingBytesMax = qsizetype{64} << 20;
/// The home answers in the time that the client gave; its answer needs some more to come back.
constexpr qint64 kReturnMs = 250;

} // namespace

void Forwarder::forward(const ClientWrite &write, const KeyState &seen, LinkId home, quint64 id,
                        Time now, Effects &out)
{
    m_outgoing.emplace(id, Outgoing{write.request,
                                    write.write.key,
                                    home,
                                    now.monoMs + write.write.timeoutMs + kReturnMs,
                                    {}});
    out.push_back(Send{home, ForwardedWrite{id, seen, write.write}});
}

void Forwarder::receive(LinkId link, const ForwardedOutcome &outcome, Effects &out)
{
    const auto it = m_outgoing.find(outcome.id);
    if (it == m_outgoing.end() || it->second.home != link || it->second.done)
        return;
    Outgoing &write = it->second;
    if (outcome.outcome.status == WriteOutcome::Status::Done &&
        !holds(write.key, outcome.outcome.version)) {
        write.done = outcome.outcome;
        m_awaited.emplace(write.key, outcome.id);
        return;
    }
    out.push_back(Reply{write.request, outcome.outcome});
    m_outgoing.erase(it);
}

void Forwarder::stored(const Record &record, Effects &out)
{
    auto [at, end] = m_awaited.equal_range(record.key);
    while (at != end) {
        const auto write = m_outgoing.find(at->second);
        if (write->second.done->version > record.version) {
            ++at;
            continue;
        }
        out.push_back(Reply{write->second.request, *write->second.done});
        m_outgoing.erase(write);
        at = m_awaited.erase(at);
    }
}

std::optional<RequestId> Forwarder::accept(LinkId link, const ForwardedWrite &write)
{
    const qsizetype bytes = write.write.key.size() + write.write.value.size();
    if (m_incoming.size() >= kIncomingMax || m_incomingBytes + bytes > kIncomingBytesMax)
        return std::nullopt;
    const RequestId request = kForPeer | ++m_lastIncoming;
    m_incoming.emplace(request, Incoming{link, write.id, bytes});
    m_incomingBytes += bytes;
    return request;
}

void Forwarder::redirect(Effects &out)
{
    if (m_incoming.empty())
        return;
    std::erase_if(out, [this](Effect &effect) {
        auto *const reply = std::get_if<Reply>(&effect);
        if (!reply || (reply->request & kForPeer) == 0)
            return false;
        const auto write = m_incoming.extract(reply->request);
        m_incomingBytes -= write.mapped().bytes;
        if (write.mapped().link == 0)
            return true;
        effect = Send{write.mapped().link,
                      ForwardedOutcome{write.mapped().id, std::move(reply->outcome)}};
        return false;
    });
}

void Forwarder::linkLost(LinkId link, Effects &out)
{
    for (auto &[request, write] : m_incoming) {
        if (write.link == link)
            write.link = 0; // It is done all the same; nobody waits for its answer.
    }
    std::erase_if(m_outgoing, [&, this](const auto &each) {
        // What is done stays so; its record may yet come by another way.
        if (each.second.home != link || each.second.done)
            return false;
        answerUnknown(each.second, "the node where this key is at home was lost on the way", out);
        return true;
    });
}

void Forwarder::expire(qint64 nowMs, Effects &out)
{
    std::erase_if(m_awaited, [&, this](const auto &each) {
        const auto write = m_outgoing.find(each.second);
        if (nowMs < write->second.deadlineMs && !holds(each.first, write->second.done->version))
            return false;
        out.push_back(Reply{write->second.request, *write->second.done});
        m_outgoing.erase(write);
        return true;
    });
    std::erase_if(m_outgoing, [&, this](const auto &each) {
        if (each.second.done || nowMs < each.second.deadlineMs)
            return false;
        answerUnknown(each.second, "the node where this key is at home did not answer in time",
                      out);
        return true;
    });
}

bool Forwarder::holds(const QByteArray &key, const Version &version) const
{
    const auto stamp = m_records.stampOf(key);
    return stamp && stamp->version >= version;
}

void Forwarder::answerUnknown(const Outgoing &write, const char *why, Effects &out)
{
    WriteOutcome outcome;
    outcome.status = WriteOutcome::Status::TooFewReplicas;
    outcome.detail = why;
    out.push_back(Reply{write.request, outcome});
}

} // namespace dynakv::core
