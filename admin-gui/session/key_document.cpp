// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/session/key_document.h"

#include "admin-gui/session/session.h"

#include <QDateTime>

#include <algorithm>

namespace dynakv::admin {
namespace {

constexpr int kNotFound = 404;
constexpr int kPreconditionFailed = 412;
constexpr int kUnavailable = 503;

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

void KeyDocument::setValue(const Value &value)
{
    m_value = value;
    m_sinceKnown.start();
}

qint64 KeyDocument::expiresAtMs() const
{
    if (m_value.ttlSeconds == 0)
        return 0;
    return QDateTime::currentMSecsSinceEpoch() + m_value.ttlSeconds * 1000 - m_sinceKnown.elapsed();
}

Value KeyDocument::withTimeLeft(Value value) const
{
    // Where nothing is left of it, whoever saves it now wants it to stay.
    if (value.ttlSeconds > 0)
        value.ttlSeconds = std::max<qint64>(0, value.ttlSeconds - m_sinceKnown.elapsed() / 1000);
    return value;
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
            setValue(*answer.value);
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
    const Value sent = withTimeLeft(value);
    const auto done = [this, turn = m_turn, value, sent](const Answer<Receipt> &answer) {
        if (turn != m_turn)
            return;
        if (answer.failure.outcomeUnknown || answer.hasStatus(kUnavailable))
            lookAndSave(value, answer.failure.outcomeUnknown);
        else if (answer.hasStatus(kPreconditionFailed))
            compareAndSave(
                answer.failure.problem.extra.value(QLatin1String("version")).toString().toUtf8(),
                value);
        else
            takeAnswer(sent, answer);
    };
    m_session.client()->replace(m_key, m_value.version, sent, this, done);
}

/// Who judges conditions for this key was lost on the way, or is about to be found dead: then the
/// next best is to look.
void KeyDocument::lookAndSave(const Value &value, bool outcomeUnknown)
{
    if (!m_session.client())
        return;
    m_session.client()->get(m_key, this, [=, this, turn = m_turn](const Answer<Value> &answer) {
        if (turn != m_turn)
            return;
        if (answer.hasStatus(kNotFound)) {
            compareAndSave({}, value);
        } else if (!answer.ok()) {
            setState(State::Ready);
            Q_EMIT saveFailed(QString::fromUtf8(answer.failure.message), outcomeUnknown);
        } else if (outcomeUnknown && answer.value->bytes == value.bytes &&
                   answer.value->version > m_value.version) {
            takeStored(withTimeLeft(value), answer.value->version); // It had arrived.
        } else {
            compareAndSave(answer.value->version, value);
        }
    });
}

/// \a stored: the version that is there, or empty.
void KeyDocument::compareAndSave(const QByteArray &stored, const Value &value)
{
    // Versions order as text. An older one is there where what was read has not yet arrived.
    if (!stored.isEmpty() && stored <= m_value.version) {
        overwrite(value);
        return;
    }
    setState(State::Ready);
    Q_EMIT conflictFound(stored.isEmpty() ? Conflict::Deleted : Conflict::Changed);
}

void KeyDocument::overwrite(const Value &value)
{
    if (!m_session.client())
        return;
    setState(State::Saving);
    const Value sent = withTimeLeft(value);
    m_session.client()->put(m_key, sent, this,
                            [this, turn = m_turn, sent](const Answer<Receipt> &answer) {
                                if (turn == m_turn)
                                    takeAnswer(sent, answer);
                            });
}

void KeyDocument::takeAnswer(const Value &value, const Answer<Receipt> &answer)
{
    if (answer.ok()) {
        takeStored(value, answer.value->version);
        return;
    }
    setState(State::Ready);
    Q_EMIT saveFailed(QString::fromUtf8(answer.failure.message), answer.failure.outcomeUnknown);
}

void KeyDocument::takeStored(const Value &value, const QByteArray &version)
{
    setValue(value);
    m_value.version = version;
    setState(State::Ready);
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
