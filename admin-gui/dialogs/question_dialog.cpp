// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/dialogs/question_dialog.h"

#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/text_label.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QPushButton>

namespace dynakv::admin {
namespace {

constexpr int kIconSize = 32;
constexpr int kTextWidth = 400;

} // namespace

QuestionDialog::QuestionDialog(const Question &question, QWidget *parent)
    : QDialog(parent)
    , m_chosen(static_cast<int>(question.choices.size()) - 1)
{
    setObjectName(QStringLiteral("questionDialog"));
    setWindowTitle(question.title);
    setWindowModality(Qt::WindowModal);
    auto *mark = new QLabel(this);
    mark->setPixmap(iconPixmap(question.tone == Tone::Bad ? "error" : "warning", question.tone,
                               kIconSize, devicePixelRatioF()));
    auto *title = newHelpLabel(question.title, this);
    title->setObjectName(QStringLiteral("questionTitle"));
    setRole(title, "title");
    auto *text = newHelpLabel(question.text, this);
    text->setObjectName(QStringLiteral("questionText"));
    for (QLabel *label : {title, text})
        label->setFixedWidth(kTextWidth);
    auto *buttons = new QHBoxLayout;
    buttons->setSpacing(space::kSmall);
    buttons->addStretch();
    for (int i = 0; i < static_cast<int>(question.choices.size()); ++i) {
        const Question::Choice &choice = question.choices[static_cast<std::size_t>(i)];
        auto *button = new QPushButton(choice.text, this);
        button->setObjectName(QStringLiteral("choice%1").arg(i));
        if (choice.kind != Question::Kind::Plain)
            setRole(button, choice.kind == Question::Kind::Main ? "primary" : "destructive");
        button->setAutoDefault(false);
        connect(button, &QPushButton::clicked, this, [this, i] {
            m_chosen = i;
            accept();
        });
        buttons->addWidget(button);
        if (i == m_chosen) {
            button->setDefault(true);
            button->setFocus();
        }
    }
    auto *layout = new QGridLayout(this);
    layout->setContentsMargins(space::kHuge, space::kHuge, space::kHuge, space::kLarge);
    layout->setHorizontalSpacing(space::kLarge);
    layout->setVerticalSpacing(space::kSmall);
    layout->addWidget(mark, 0, 0, 2, 1, Qt::AlignTop);
    layout->addWidget(title, 0, 1);
    layout->addWidget(text, 1, 1);
    layout->setRowMinimumHeight(2, space::kSmall);
    layout->addLayout(buttons, 3, 0, 1, 2);
    layout->setSizeConstraint(QLayout::SetFixedSize);
}

void ask(QWidget *parent, const Question &question, std::function<void(int)> answered)
{
    auto *dialog = new QuestionDialog(question, parent);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(dialog, &QDialog::finished, parent,
                     [dialog, answered = std::move(answered)] { answered(dialog->chosen()); });
    dialog->open();
}

} // namespace dynakv::admin
