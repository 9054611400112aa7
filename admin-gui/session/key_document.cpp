// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/session/key_document.h"

#include "admin-gui/session/session.h"

namespace dynakv::admin {
namespace {

constexpr int kNotFound = 404;
constexpr int kPreconditionFailed = 412;

} // namespace

using client::Answer;
using client::Receipt;
using client::Value;

KeyDocument::KeyDocument(Session &session, QObject *parent)
    : QObject(parent)
    , m_session(session)
{
}

void KeyDocument::setState(State state)
{
    m_state = state;
    Q_EMIT stateChanged();
}

void KeyDocument::close()
{
    ++m_turn;
    m_key.clear();
    m_value = {};
    setState(State::Empty);
}

void KeyDocument::open(const QByteArray &key)
{
    if (!m_session.client())
        return;
    const quint64 turn = ++m_turn;
    m_key = key;
    setState(State::Loading);
    m_session.client()->get(key, this, [this, turn](const Answer<Value> &answer) {
        if (turn != m_turn)
            return;
        if (answer.ok()) {
            m_value = *answer.value;
            setState(State::Ready);
            Q_EMIT loaded();
            return;
        }
        m_value = {};
        setState(State::Failed);
        Q_EMIT loadFailed(QString::fromUtf8(answer.failure.message), answer.hasStatus(kNotFound));
    });
}

void KeyDocument::save(const Value &value)
{
    if (!m_session.client() || m_state != State::Ready)
        return;
    setState(State::Saving);
    const auto done = [this, turn = m_turn, value](const Answer<Receipt> &answer) {
        if (turn != m_turn)
            return;
        // After an attempt that was not answered it may be its own write that stands there.
        if (!answer.hasStatus(kPreconditionFailed) || answer.failure.outcomeUnknown) {
            takeAnswer(value, answer);
            return;
        }
        const QByteArray stored =
            answer.failure.problem.extra.value(QLatin1String("version")).toString().toUtf8();
        // Versions order as text. An older one is there where what was read has not yet arrived.
        if (!stored.isEmpty() && stored <= m_value.version) {
            overwrite(value);
            return;
        }
        setState(State::Ready);
        Q_EMIT conflictFound(stored.isEmpty() ? Conflict::Deleted : Conflict::Changed);
    };
    m_session.client()->replace(m_key, m_value.version, value, this, done);
}

void KeyDocument::overwrite(const Value &value)
{
    if (!m_session.client())
        return;
    setState(State::Saving);
    m_session.client()->put(m_key, value, this,
                            [this, turn = m_turn, value](const Answer<Receipt> &answer) {
                                if (turn == m_turn)
                                    takeAnswer(value, answer);
                            });
}

void KeyDocument::takeAnswer(const Value &value, const Answer<Receipt> &answer)
{
    setState(State::Ready);
    if (!answer.ok()) {
        Q_EMIT saveFailed(QString::fromUtf8(answer.failure.message), answer.failure.outcomeUnknown);
        return;
    }
    m_value = value;
    m_value.version = answer.value->version;
    Q_EMIT saved(m_key);
}

void KeyDocument::remove()
{
    if (!m_session.client() || m_key.isEmpty() || isBusy())
        return;
    const State before = m_state;
    setState(State::Removing);
    const quint64 turn = m_turn;
    m_session.client()->remove(m_key, this, [this, turn, before](const Answer<Receipt> &answer) {
        if (turn != m_turn)
            return;
        if (!answer.ok()) {
            setState(before);
            Q_EMIT removeFailed(QString::fromUtf8(answer.failure.message),
                                answer.failure.outcomeUnknown);
            return;
        }
        const QByteArray key = m_key;
        close();
        Q_EMIT removed(key);
    });
}

} // namespace dynakv::admin
