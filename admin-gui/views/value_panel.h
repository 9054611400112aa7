// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/models/value_view.h"
#include "admin-gui/session/key_document.h"

#include <QTimer>
#include <QWidget>

#include <functional>

class QAction;
class QLabel;
class QPushButton;
class QStackedWidget;

namespace dynakv::admin {

class Banner;
class EmptyState;
class JsonEditor;
class Pill;
class TextLabel;

/// Shows the open key and takes its edits. What was typed stays until it was saved or discarded by
/// a person, whatever happens to nodes, connection or key meanwhile.
class ValuePanel final : public QWidget
{
    Q_OBJECT
public:
    /// Borrows the document, which must outlive the panel.
    explicit ValuePanel(KeyDocument &document, QWidget *parent = nullptr);

    [[nodiscard]] bool isModified() const;
    /// Runs \a proceed at once where nothing is unsaved; else asks, and runs it after the text was
    /// saved or given up.
    void leave(std::function<void()> proceed);
    void save();
    void discard();
    void askToDelete();
    void format();
    void minify();
    void saveToFile();
    void replaceFromFile();
    void setWrapping(bool isOn);
    /// The list shows a later version of the open key than the one read.
    void noteNewerVersion();

Q_SIGNALS:
    void modifiedChanged();
    /// Done, for the status bar.
    void told(const QString &what);

private:
    QWidget *buildHeader();
    QWidget *buildFooter();
    void connectDocument();
    void showDocument();
    void showValue(bool wholeValue);
    void showFacts();
    void showNotice();
    void showConflict(KeyDocument::Conflict conflict);
    void showSaveFailure(const QString &why, bool outcomeUnknown);
    void saved();
    /// What was to follow the save does not.
    void dropPlans();
    void checkText();
    void updateControls();
    void replaceText(const QByteArray &json);
    void storeFromFile(const QString &path);
    void askToReplace(const client::Value &value, const QString &path);
    void send(const client::Value &value, const QString &file);
    [[nodiscard]] bool isTypedSince() const;
    [[nodiscard]] client::Value editedValue() const;
    void runNoticeAction();

    enum class Notice : quint8 { None, ShowMore, Reload, SaveAgain };
    struct Sent
    {
        client::Value value = {};
        QString file = {}; ///< Where it comes from; empty: from the editor.
        int revision = -1; ///< Of the editor's text then.
    };

    KeyDocument &m_document;
    QStackedWidget *m_stack;
    EmptyState *m_empty;
    QWidget *m_page;
    TextLabel *m_key;
    Pill *m_kind;
    Pill *m_modified;
    TextLabel *m_facts;
    Banner *m_notice;
    JsonEditor *m_editor;
    QLabel *m_checkIcon;
    TextLabel *m_check;
    QPushButton *m_save;
    QPushButton *m_discard;
    std::vector<QWidget *> m_textTools; ///< Only of use for text that can be edited.
    std::vector<QWidget *> m_keyTools;  ///< Only of use for a key that was read.
    QTimer m_checkTimer;
    ValueView m_view;
    Notice m_noticeAction = Notice::None;
    bool m_hasFault = false;
    bool m_isWrapping = false;
    Sent m_sent;                   ///< Last; a conflict may be answered with it.
    bool m_isAsking = false;       ///< About the value, which is not read anew meanwhile.
    bool m_saveAgain = false;      ///< What is typed before the answer is to be saved, too.
    std::function<void()> m_leave; ///< To run once all is saved.
};

} // namespace dynakv::admin
