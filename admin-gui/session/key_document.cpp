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

/// A node keeps no space around JSON.
bool isSameContent(const client::Value &one, const client::Value &other)
{
    if (one.isRaw != other.isRaw)
        return false;
    return one.isRaw ? one.bytes == other.bytes : one.bytes.trimmed() == other.bytes.trimmed();
}

} // namespace

using client::Answer;
using client::Failure;
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
    m_expiry = QDeadlineTimer(QDeadlineTimer::Forever);
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
            noteExpiry(m_value);
            setState(State::Ready);
            Q_EMIT loaded();
            return;
        }
        m_value = {};
        setState(State::Failed);
        Q_EMIT loadFailed(QString::fromUtf8(answer.failure.message), answer.hasStatus(kNotFound));
    });
}

void KeyDocument::noteExpiry(const Value &stored)
{
    m_expiry = stored.ttlSeconds == 0 ? QDeadlineTimer(QDeadlineTimer::Forever)
                                      : QDeadlineTimer(stored.ttlSeconds * 1000);
}

qint64 KeyDocument::expiresAtMs() const
{
    return m_expiry.isForever() ? 0
                                : QDateTime::currentMSecsSinceEpoch() + m_expiry.remainingTime();
}

Value KeyDocument::withTimeLeft(Value value) const
{
    value.ttlSeconds = 0;
    if (!m_expiry.isForever())
        value.ttlSeconds = std::max<qint64>(1, (m_expiry.remainingTime() + 999) / 1000);
    return value;
}

void KeyDocument::save(const Value &value)
{
    if (!m_session.client() || m_state != State::Ready)
        return;
    setState(State::Saving);
    replace(value, m_value.version);
}

void KeyDocument::overwrite(const Value &value)
{
    if (!m_session.client() || m_state != State::Ready)
        return;
    setState(State::Saving);
    look([this, value](const Answer<Value> &found) {
        if (!found.ok() && !found.hasStatus(kNotFound)) {
            fail(found.failure.message, false);
            return;
        }
        noteExpiry(found.value.value_or(Value()));
        put(value);
    });
}

/// Saves only where \a version is stored. Versions order as text.
void KeyDocument::replace(const Value &value, const QByteArray &version)
{
    const auto done = [=, this, turn = m_turn](const Answer<Receipt> &answer) {
        if (turn != m_turn)
            return;
        const QByteArray stored =
            answer.failure.problem.extra.value(QLatin1String("version")).toString().toUtf8();
        if (answer.ok())
            takeStored(value, answer.value->version);
        else if (answer.failure.outcomeUnknown || answer.hasStatus(kUnavailable))
            saveUnjudged(value, answer.failure, stored);
        else if (!answer.hasStatus(kPreconditionFailed))
            fail(answer.failure.message, false);
        else if (!stored.isEmpty() && stored < m_value.version && version == m_value.version)
            replace(value, stored); // Where it is judged, what was read has not arrived yet.
        else
            findConflict(stored);
    };
    m_session.client()->replace(m_key, version, withTimeLeft(value), this, done);
}

/// Whoever judges conditions for this key was lost on the way, or is about to be found dead: then
/// the next best is to look. \a stored: a version that was seen there, or empty.
void KeyDocument::saveUnjudged(const Value &value, const Failure &failure, const QByteArray &stored)
{
    look([=, this](const Answer<Value> &found) {
        if (found.hasStatus(kNotFound)) {
            findConflict({});
        } else if (!found.ok()) {
            fail(found.failure.message, failure.outcomeUnknown);
        } else if (std::max(found.value->version, stored) <= m_value.version) {
            noteExpiry(*found.value);
            put(value);
        } else if (failure.outcomeUnknown && isSameContent(*found.value, value)) {
            takeStored(value, found.value->version); // It had arrived.
        } else {
            findConflict(found.value->version);
        }
    });
}

void KeyDocument::look(client::Callback<Value> found)
{
    m_session.client()->get(
        m_key, this, [this, turn = m_turn, found = std::move(found)](const Answer<Value> &answer) {
            if (turn == m_turn)
                found(answer);
        });
}

void KeyDocument::put(const Value &value)
{
    const auto done = [=, this, turn = m_turn](const Answer<Receipt> &answer) {
        if (turn != m_turn)
            return;
        if (answer.ok())
            takeStored(value, answer.value->version);
        else
            fail(answer.failure.message, answer.failure.outcomeUnknown);
    };
    m_session.client()->put(m_key, withTimeLeft(value), this, done);
}

void KeyDocument::takeStored(const Value &value, const QByteArray &version)
{
    m_value = value;
    m_value.version = version;
    setState(State::Ready);
    Q_EMIT saved(m_key);
}

/// \a stored: the version that is there, or empty.
void KeyDocument::findConflict(const QByteArray &stored)
{
    setState(State::Ready);
    Q_EMIT conflictFound(stored.isEmpty() ? Conflict::Deleted : Conflict::Changed);
}

void KeyDocument::fail(const QByteArray &why, bool outcomeUnknown)
{
    setState(State::Ready);
    Q_EMIT saveFailed(QString::fromUtf8(why), outcomeUnknown);
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
