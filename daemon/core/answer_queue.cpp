// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/answer_queue.h"

#include "daemon/core/event.h"

namespace dynakv::core {

void AnswerQueue::add(Question question, Effects &out)
{
    int &count = m_perLink[question.link];
    if (count >= kWaitingMaxPerLink)
        return;
    ++count;
    m_waiting.push_back(std::move(question));
    resumeNext(out);
}

void AnswerQueue::resumeNext(Effects &out)
{
    if (m_ticket != 0 || m_waiting.empty())
        return;
    m_ticket = ++m_ids;
    out.push_back(Resume{m_ticket});
}

std::optional<AnswerQueue::Question> AnswerQueue::resumed(const Resumed &event, Effects &out)
{
    if (m_ticket == 0 || event.ticket != m_ticket)
        return std::nullopt;
    m_ticket = 0;
    if (m_waiting.empty())
        return std::nullopt;
    Question question = std::move(m_waiting.front());
    m_waiting.pop_front();
    if (--m_perLink[question.link] == 0)
        m_perLink.erase(question.link);
    resumeNext(out);
    return question;
}

void AnswerQueue::linkLost(LinkId link)
{
    std::erase_if(m_waiting, [link](const Question &each) { return each.link == link; });
    m_perLink.erase(link);
}

} // namespace dynakv::core
