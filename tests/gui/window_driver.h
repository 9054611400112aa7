// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/views/main_window.h"
#include "shared/base/endpoint.h"

#include <QLabel>
#include <QTemporaryDir>

class QTableView;

namespace dynakv::admin {
class JsonEditor;
}

namespace dynakv::test {

/// Drives the real main window by its widgets, with keys and clicks, as a person does. Settings lie
/// in a temporary directory.
class WindowDriver
{
public:
    WindowDriver();
    ~WindowDriver();

    admin::MainWindow &window() { return *m_window; }
    /// The widget of that object name; ends the test program where there is none.
    template <typename T>
    T &find(const char *name)
    {
        auto *widget = m_window->findChild<T *>(QLatin1String(name));
        if (!widget)
            qFatal("no widget is named %s", name);
        return *widget;
    }

    /// Types the address on the first page and waits for the list of keys.
    bool connectTo(const base::Endpoint &node);
    bool isConnected();
    void filter(const QString &prefix);
    QTableView &keys() { return find<QTableView>("keyTable"); }
    admin::JsonEditor &editor();
    /// Filters by the key, clicks it, and waits for its value.
    bool open(const QByteArray &key);
    bool waitForValue(const QByteArray &json);
    bool waitForKeys(int count);
    /// Scrolls to the end, again and again, until the list has \a count rows.
    bool scrollUntil(int count);
    /// Clicks the row that shows \a key, without waiting.
    bool clickKey(const QByteArray &key);
    /// Replaces the text of the editor by typing.
    void type(const QString &text);
    void press(const char *button);
    void shortcut(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::ControlModifier);
    /// Waits for a question; its title, or empty where none came.
    QString questionTitle();
    /// The text of the question that is open.
    QString questionText();
    /// Chooses, and waits until the question is gone.
    bool answer(int choice);
    /// The banner's text, or empty while it is hidden.
    QString banner();
    QString notice();
    QString check();
    /// The state of the member of that address in the table of members.
    QByteArray memberState(const base::Endpoint &node);

private:
    QTemporaryDir m_settings;
    std::unique_ptr<admin::MainWindow> m_window;
};

} // namespace dynakv::test
