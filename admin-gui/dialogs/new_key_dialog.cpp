// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/dialogs/new_key_dialog.h"

#include "admin-gui/dialogs/question_dialog.h"
#include "admin-gui/models/display_text.h"
#include "admin-gui/models/json_text.h"
#include "admin-gui/widgets/json_editor.h"
#include "admin-gui/widgets/text_label.h"
#include "shared/base/limits.h"

#include <QHBoxLayout>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

namespace dynakv::admin {

NewKeyDialog::NewKeyDialog(const QByteArray &suggestedKey, QWidget *parent)
    : QDialog(parent)
    , m_key(new QLineEdit(this))
    , m_value(new JsonEditor(this))
    , m_message(newHelpLabel({}, this))
    , m_create(new QPushButton(tr("Create key"), this))
    , m_suggested(displayKey(suggestedKey))
{
    setObjectName(QStringLiteral("newKeyDialog"));
    setWindowTitle(tr("New key"));
    setWindowModality(Qt::WindowModal);
    m_key->setObjectName(QStringLiteral("newKeyName"));
    m_key->setAccessibleName(tr("Key"));
    m_key->setPlaceholderText(tr("for example user:42"));
    m_key->setText(m_suggested);
    m_value->setObjectName(QStringLiteral("newKeyValue"));
    m_value->setAccessibleName(tr("Value as JSON"));
    m_value->setPlainText(QStringLiteral("{\n  \n}"));
    m_value->setMinimumHeight(220);
    m_message->setObjectName(QStringLiteral("newKeyMessage"));
    setRole(m_message, "muted");
    m_create->setObjectName(QStringLiteral("newKeyCreate"));
    setRole(m_create, "primary");
    auto *cancel = new QPushButton(tr("Cancel"), this);
    cancel->setObjectName(QStringLiteral("newKeyCancel"));
    cancel->setAutoDefault(false);

    auto *keyLabel = new QLabel(tr("&Key"), this);
    keyLabel->setBuddy(m_key);
    auto *valueLabel = new QLabel(tr("&Value (JSON)"), this);
    valueLabel->setBuddy(m_value);
    setRole(keyLabel, "field");
    setRole(valueLabel, "field");
    auto *frame = new QFrame(this);
    setRole(frame, "input");
    auto *inFrame = new QVBoxLayout(frame);
    inFrame->setContentsMargins(1, 1, 1, 1);
    inFrame->addWidget(m_value);
    auto *buttons = new QHBoxLayout;
    buttons->setSpacing(space::kSmall);
    buttons->addStretch();
    buttons->addWidget(cancel);
    buttons->addWidget(m_create);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(space::kHuge, space::kHuge, space::kHuge, space::kLarge);
    layout->setSpacing(space::kSmall);
    layout->addWidget(keyLabel);
    layout->addWidget(m_key);
    layout->addSpacing(space::kSmall);
    layout->addWidget(valueLabel);
    layout->addWidget(frame, 1);
    layout->addWidget(m_message);
    layout->addSpacing(space::kSmall);
    layout->addLayout(buttons);
    resize(560, 460);

    connect(m_create, &QPushButton::clicked, this, &NewKeyDialog::submit);
    connect(cancel, &QPushButton::clicked, this, &NewKeyDialog::reject);
    connect(m_key, &QLineEdit::textChanged, this, &NewKeyDialog::check);
    connect(m_value, &QPlainTextEdit::textChanged, this, &NewKeyDialog::check);
    m_create->setDefault(true);
    m_key->setFocus();
    m_value->document()->setModified(false);
    check();
}

QString NewKeyDialog::complaint() const
{
    const auto key = keyFromDisplay(m_key->text());
    if (!key)
        return tr(
            "A backslash in a key is written \\\\, a byte \\xHH with two hexadecimal digits.");
    if (key->isEmpty())
        return tr("A key has at least one character.");
    if (key->size() > base::limits::kKeyBytesMax)
        return tr("The key has %1 bytes; at most %2 are possible.")
            .arg(key->size())
            .arg(base::limits::kKeyBytesMax);
    if (const auto fault = findJsonFault(m_value->json()))
        return tr("Line %1, column %2: %3.").arg(fault->line).arg(fault->column).arg(fault->what);
    return {};
}

void NewKeyDialog::check()
{
    const QString why = complaint();
    m_create->setEnabled(!m_isBusy && (why.isEmpty() || !m_wasSubmitted));
    const bool isTold = !why.isEmpty() && (m_wasSubmitted || !m_key->text().isEmpty());
    setRole(m_message, isTold ? "bad" : "muted");
    m_message->setText(isTold ? why : tr("Any JSON: an object, a list, text in quotes, a number."));
    const auto fault = isTold ? findJsonFault(m_value->json()) : std::nullopt;
    m_value->markFaultyLine(fault ? fault->line : 0);
}

void NewKeyDialog::submit()
{
    m_wasSubmitted = true;
    check();
    if (m_isBusy || !complaint().isEmpty())
        return;
    m_isBusy = true;
    m_create->setEnabled(false);
    m_message->setText(tr("Creating…"));
    Q_EMIT createRequested(*keyFromDisplay(m_key->text()), m_value->json());
}

void NewKeyDialog::showFailure(const QString &why)
{
    m_isBusy = false;
    check();
    setRole(m_message, "bad");
    m_message->setText(why);
}

void NewKeyDialog::reject()
{
    if (m_key->text() == m_suggested && !m_value->document()->isModified()) {
        QDialog::reject();
        return;
    }
    const Question question{Tone::Warning,
                            tr("Discard the new key?"),
                            tr("What you typed has not been saved."),
                            {{tr("Discard"), Question::Kind::Destructive}, {tr("Keep editing")}}};
    ask(this, question, [this](int choice) {
        if (choice == 0)
            QDialog::reject();
    });
}

} // namespace dynakv::admin
