// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/value_panel.h"

#include "admin-gui/dialogs/question_dialog.h"
#include "admin-gui/models/display_text.h"
#include "admin-gui/models/json_text.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/json_editor.h"

#include <utility>

/// The part of the value panel that saves, and asks before anything is lost.
namespace dynakv::admin {

client::Value ValuePanel::editedValue() const
{
    client::Value value = m_document.value();
    value.bytes = m_view.isReformatted ? compactJson(m_editor->json()) : m_editor->json();
    return value;
}

void ValuePanel::save()
{
    if (m_document.state() == KeyDocument::State::Saving) {
        m_saveAgain = true; // What was typed meanwhile goes after what is on its way.
        return;
    }
    if (!isModified() || m_document.state() != KeyDocument::State::Ready) {
        dropPlans();
        return;
    }
    if (const auto fault = findJsonFault(m_editor->json())) {
        checkText();
        m_editor->goTo(fault->line, fault->column);
        dropPlans();
        return;
    }
    send(editedValue(), {});
}

void ValuePanel::send(const client::Value &value, const QString &file)
{
    m_sent = {value, file, m_editor->document()->revision()};
    m_document.save(value);
}

bool ValuePanel::isTypedSince() const
{
    return m_editor->document()->revision() != m_sent.revision;
}

void ValuePanel::saved()
{
    // What was typed while the answer was awaited is still to be saved. So is what was undone.
    const bool isFromFile = !m_sent.file.isEmpty();
    if (!isFromFile || (!isTypedSince() && !m_saveAgain))
        m_editor->document()->setModified(isTypedSince());
    showFacts();
    showNotice();
    updateControls();
    Q_EMIT told(tr("Saved “%1”").arg(displayKey(m_document.key())));
    if (std::exchange(m_saveAgain, false) && isModified()) {
        m_saveAgain = m_leave != nullptr;
        save();
    } else if (const auto leave = std::exchange(m_leave, nullptr)) {
        leave();
    } else if (isFromFile) {
        noteNewerVersion(); // The editor shows what was there before.
    }
}

void ValuePanel::dropPlans()
{
    m_saveAgain = false;
    m_leave = nullptr;
}

void ValuePanel::showSaveFailure(const QString &why, bool outcomeUnknown)
{
    dropPlans();
    m_noticeAction = Notice::SaveAgain;
    m_notice->showMessage(
        Tone::Bad,
        outcomeUnknown
            ? tr("It is not known whether the value was saved. Your text is kept here. %1").arg(why)
            : tr("Not saved. Your text is kept here. %1").arg(why),
        tr("Save again"));
}

void ValuePanel::showConflict(KeyDocument::Conflict conflict)
{
    const bool wasDeleted = conflict == KeyDocument::Conflict::Deleted;
    const QString key = displayKey(m_document.key());
    Question question;
    question.title =
        wasDeleted ? tr("The key was deleted meanwhile") : tr("The key was changed meanwhile");
    question.text =
        wasDeleted
            ? tr("“%1” was deleted after you opened it. Saving creates it again.").arg(key)
            : tr("Somebody saved “%1” after you opened it. Saving yours replaces that value.")
                  .arg(key);
    question.choices = {
        {wasDeleted ? tr("Create it again") : tr("Replace with mine"), Question::Kind::Destructive},
        {wasDeleted ? tr("Discard mine") : tr("Discard mine and reload")},
        {tr("Keep editing")}};
    m_isAsking = true;
    ask(this, question, [this, wasDeleted](int choice) {
        m_isAsking = false;
        if (choice == 0) {
            m_document.overwrite(m_sent.value);
            return;
        }
        dropPlans();
        if (choice == 1)
            m_editor->document()->setModified(false);
        if (!wasDeleted)
            noteNewerVersion();
        else if (choice == 1)
            m_document.close();
    });
}

void ValuePanel::leave(std::function<void()> proceed)
{
    if (!isModified()) {
        proceed();
        return;
    }
    const Question question{
        Tone::Warning,
        tr("Save the changes?"),
        tr("The text of “%1” has changes that are not saved.").arg(displayKey(m_document.key())),
        {{tr("Save"), Question::Kind::Main},
         {tr("Discard changes"), Question::Kind::Destructive},
         {tr("Cancel")}}};
    ask(this, question, [this, proceed = std::move(proceed)](int choice) {
        dropPlans(); // Those of an earlier answer.
        if (choice == 0 && isModified()) {
            m_leave = proceed;
            m_saveAgain = true;
            save();
        } else if (choice != 2) {
            m_editor->document()->setModified(false);
            proceed();
        }
    });
}

void ValuePanel::discard()
{
    if (!isModified() || m_document.state() != KeyDocument::State::Ready)
        return;
    const Question question{
        Tone::Warning,
        tr("Discard your changes?"),
        tr("The text of “%1” goes back to what was read.").arg(displayKey(m_document.key())),
        {{tr("Discard changes"), Question::Kind::Destructive}, {tr("Keep editing")}}};
    ask(this, question, [this](int choice) {
        if (choice == 0)
            showValue(m_view.text.size() > kPreviewBytes);
    });
}

void ValuePanel::askToDelete()
{
    if (!m_document.isOpen() || m_document.isBusy())
        return;
    const QString unsaved =
        isModified() ? QLatin1Char(' ') + tr("Your unsaved text goes with it.") : QString();
    const Question question{Tone::Bad,
                            tr("Delete this key?"),
                            tr("“%1” is deleted on every node. This cannot be undone.")
                                    .arg(displayKey(m_document.key())) +
                                unsaved,
                            {{tr("Delete key"), Question::Kind::Destructive}, {tr("Cancel")}}};
    ask(this, question, [this](int choice) {
        if (choice == 0)
            m_document.remove();
    });
}

} // namespace dynakv::admin
