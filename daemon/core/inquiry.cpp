// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/inquiry.h"

namespace dynakv::core {
namespace {

ReplicaCopy copyIn(const RecordSource &records, const QByteArray &key)
{
    const auto record = records.find(key);
    if (!record)
        return {};
    return {true, stampOf(*record), record->kind, record->expiresAtMs, record->value.size()};
}

} // namespace

CopyReply answer(const CopyRequest &request, const RecordSource &records)
{
    return {request.id, copyIn(records, request.key)};
}

void Inquiry::ask(const ClientQuestion &question, const MemberTable &members,
                  const std::map<NodeId, LinkId> &links, qint64 nowMs, Effects &out)
{
    const quint64 number = ++m_ids;
    Open open{question.request, nowMs + question.question.timeoutMs, {}, {}};
    for (const auto &[id, member] : members.all()) {
        if (member.state == MemberState::Left)
            continue;
        ReplicaView replica{id, member.api.toString(), member.state, id == m_self};
        const auto link = links.find(id);
        if (replica.isSelf) {
            replica.copy = copyIn(m_records, question.question.key);
        } else if (link == links.end()) {
            replica.detail = "there is no connection with it";
        } else {
            const quint64 message = ++m_ids;
            replica.detail = "it did not answer in time";
            open.awaited.emplace(message, open.replicas.size());
            m_messages.emplace(message, std::pair(link->second, number));
            out.push_back(Send{link->second, CopyRequest{message, question.question.key}});
        }
        open.replicas.push_back(std::move(replica));
    }
    settle(m_questions.emplace(number, std::move(open)).first, out);
}

void Inquiry::answered(LinkId link, const CopyReply &reply, Effects &out)
{
    const auto message = m_messages.find(reply.id);
    if (message == m_messages.end() || message->second.first != link)
        return;
    const auto question = m_questions.find(message->second.second);
    m_messages.erase(message);
    const auto place = question->second.awaited.find(reply.id);
    ReplicaView &replica = question->second.replicas[place->second];
    replica.copy = reply.copy;
    replica.detail.clear();
    question->second.awaited.erase(place);
    settle(question, out);
}

void Inquiry::linkLost(LinkId link, Effects &out)
{
    for (auto it = m_messages.begin(); it != m_messages.end();) {
        const auto [message, way] = *it;
        if (way.first != link) {
            ++it;
            continue;
        }
        it = m_messages.erase(it);
        const auto question = m_questions.find(way.second);
        const auto place = question->second.awaited.find(message);
        question->second.replicas[place->second].detail = "the connection with it was lost";
        question->second.awaited.erase(place);
        settle(question, out);
    }
}

void Inquiry::expire(qint64 nowMs, Effects &out)
{
    for (auto it = m_questions.begin(); it != m_questions.end();) {
        const auto at = it++;
        if (nowMs < at->second.deadlineMs)
            continue;
        for (const auto &[message, place] : at->second.awaited)
            m_messages.erase(message);
        at->second.awaited.clear();
        settle(at, out);
    }
}

/// Answers the question where nobody is awaited any more.
void Inquiry::settle(Questions::iterator at, Effects &out)
{
    if (!at->second.awaited.empty())
        return;
    out.push_back(QuestionReply{at->second.request, std::move(at->second.replicas)});
    m_questions.erase(at);
}

} // namespace dynakv::core
