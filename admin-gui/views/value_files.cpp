// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/value_panel.h"

#include "admin-gui/dialogs/question_dialog.h"
#include "admin-gui/models/display_text.h"
#include "admin-gui/models/json_text.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/json_editor.h"
#include "shared/base/limits.h"

#include <QFileDialog>
#include <QSaveFile>

/// The part of the value panel that reads and writes files.
namespace dynakv::admin {
namespace {

/// A file name that every system takes, made from the key.
QString fileNameFor(const client::Value &value, const QByteArray &key)
{
    QString name;
    for (const QChar c : displayKey(key).left(64))
        name += c.isLetterOrNumber() || c == QLatin1Char('-') || c == QLatin1Char('_')
                    ? c
                    : QLatin1Char('_');
    return name + (value.isRaw ? QStringLiteral(".bin") : QStringLiteral(".json"));
}

} // namespace

void ValuePanel::saveToFile()
{
    if (m_document.state() != KeyDocument::State::Ready)
        return;
    auto *dialog = new QFileDialog(this, tr("Save the stored value to a file"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->selectFile(fileNameFor(m_document.value(), m_document.key()));
    connect(dialog, &QFileDialog::fileSelected, this,
            [this, value = m_document.value()](const QString &path) {
                QSaveFile file(path);
                const bool isWritten = file.open(QIODevice::WriteOnly) &&
                                       file.write(value.bytes) == value.bytes.size() &&
                                       file.commit();
                m_noticeAction = Notice::None;
                if (isWritten)
                    Q_EMIT told(tr("Saved %1 to %2").arg(displaySize(value.bytes.size()), path));
                else
                    m_notice->showMessage(
                        Tone::Bad, tr("%1 was not written: %2").arg(path, file.errorString()));
            });
    dialog->open();
}

void ValuePanel::replaceFromFile()
{
    if (m_document.state() != KeyDocument::State::Ready)
        return;
    auto *dialog = new QFileDialog(this, tr("Replace the value by a file"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, &ValuePanel::storeFromFile);
    dialog->open();
}

void ValuePanel::storeFromFile(const QString &path)
{
    m_noticeAction = Notice::None;
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        m_notice->showMessage(Tone::Bad, tr("%1 was not read: %2").arg(path, file.errorString()));
        return;
    }
    client::Value value = m_document.value();
    value.bytes = file.read(base::limits::kValueBytesMax + 1);
    if (value.bytes.size() > base::limits::kValueBytesMax) {
        m_notice->showMessage(Tone::Bad, tr("%1 is larger than a value can be (%2).")
                                             .arg(path, displaySize(base::limits::kValueBytesMax)));
        return;
    }
    if (const auto fault = value.isRaw ? std::nullopt : findJsonFault(value.bytes)) {
        m_notice->showMessage(Tone::Bad, tr("%1 is no JSON. Line %2, column %3: %4")
                                             .arg(path)
                                             .arg(fault->line)
                                             .arg(fault->column)
                                             .arg(fault->what));
        return;
    }
    askToReplace(value, path);
}

void ValuePanel::askToReplace(const client::Value &value, const QString &path)
{
    const Question question{
        Tone::Warning,
        tr("Replace the value?"),
        tr("“%1” gets the %2 of %3.")
                .arg(displayKey(m_document.key()), displaySize(value.bytes.size()), path) +
            (isModified() ? QLatin1Char(' ') + tr("Your unsaved text goes with it.") : QString()),
        {{tr("Replace"), Question::Kind::Destructive}, {tr("Cancel")}}};
    m_isAsking = true;
    ask(this, question, [this, value, path](int choice) {
        m_isAsking = false;
        if (choice == 0)
            send(value, path);
    });
}

} // namespace dynakv::admin
