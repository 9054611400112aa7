// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/answer.h"

#include <QDeadlineTimer>
#include <QObject>

namespace dynakv::admin {

class Session;

/// The key that is open in the editor: what is stored, and what is under way with it. It knows
/// nothing of the text being edited, which stays with the editor until a save succeeded.
class KeyDocument final : public QObject
{
    Q_OBJECT
public:
    enum class State : quint8 { Empty, Loading, Ready, Saving, Removing, Failed };
    enum class Conflict : quint8 {
        Changed, ///< A later version is stored.
        Deleted, ///< The key is not there any more.
    };

    /// Borrows the session, which must outlive the document.
    explicit KeyDocument(Session &session, QObject *parent = nullptr);

    void open(const QByteArray &key);
    void close();
    void reload() { open(m_key); }
    /// Only where nobody has written the key since it was read; else asks by conflictFound().
    void save(const client::Value &value);
    /// Saves, whatever is there.
    void overwrite(const client::Value &value);
    void remove();

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] bool isOpen() const { return !m_key.isEmpty(); }
    [[nodiscard]] bool isBusy() const
    {
        return m_state == State::Saving || m_state == State::Removing;
    }
    [[nodiscard]] const QByteArray &key() const { return m_key; }
    /// As read or saved last; its time is told by expiresAtMs() alone.
    [[nodiscard]] const client::Value &value() const { return m_value; }
    /// When it expires by the clock of this machine, in Unix ms; 0: never.
    [[nodiscard]] qint64 expiresAtMs() const;

Q_SIGNALS:
    void stateChanged();
    void loaded();
    void loadFailed(const QString &why, bool isGone);
    void saved(const QByteArray &key);
    /// The stored value may be the old or, with \a outcomeUnknown, the new one.
    void saveFailed(const QString &why, bool outcomeUnknown);
    void conflictFound(dynakv::admin::KeyDocument::Conflict conflict);
    void removed(const QByteArray &key);
    void removeFailed(const QString &why, bool outcomeUnknown);

private:
    void setState(State state);
    void noteExpiry(const client::Value &stored);
    /// An edit changes what is stored, not for how long.
    [[nodiscard]] client::Value withTimeLeft(client::Value value) const;
    void replace(const client::Value &value, const QByteArray &version);
    void saveUnjudged(const client::Value &value, const client::Failure &failure,
                      const QByteArray &stored);
    void look(client::Callback<client::Value> found);
    void put(const client::Value &value);
    void takeStored(const client::Value &value, const QByteArray &version);
    void findConflict(const QByteArray &stored);
    void fail(const QByteArray &why, bool outcomeUnknown);

    Session &m_session;
    State m_state = State::Empty;
    QByteArray m_key;
    client::Value m_value;
    QDeadlineTimer m_expiry{QDeadlineTimer::Forever}; ///< Of what is stored.
    quint64 m_turn = 0; ///< Answers to what was asked before the last open() are dropped.
};

} // namespace dynakv::admin
