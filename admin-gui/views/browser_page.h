// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/session/key_document.h"

#include <QWidget>

namespace dynakv::admin {

class KeyPanel;
class Session;
class ValuePanel;

/// The list of keys beside the open value, and the ways between them.
class BrowserPage final : public QWidget
{
    Q_OBJECT
public:
    /// Borrows the session, which must outlive the page.
    explicit BrowserPage(Session &session, QWidget *parent = nullptr);

    [[nodiscard]] KeyPanel &keys() { return *m_keys; }
    [[nodiscard]] ValuePanel &value() { return *m_value; }
    void start();
    void stop();
    void newKey();
    void refresh();

Q_SIGNALS:
    void told(const QString &what);

private:
    void choose(const QByteArray &key);
    void compareVersions();
    void create(const QByteArray &key, const QByteArray &json, class NewKeyDialog *dialog);

    Session &m_session;
    KeyDocument m_document;
    KeyPanel *m_keys;
    ValuePanel *m_value;
};

} // namespace dynakv::admin
