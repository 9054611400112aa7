// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/empty_state.h"

#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/text_label.h"

#include <QEvent>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace dynakv::admin {
namespace {

constexpr int kIconSize = 48;
constexpr int kTextWidthMax = 380;

} // namespace

EmptyState::EmptyState(QWidget *parent)
    : QWidget(parent)
    , m_icon(new QLabel(this))
    , m_title(newHelpLabel({}, this))
    , m_help(newHelpLabel({}, this))
    , m_action(new QPushButton(this))
{
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(space::kHuge, space::kHuge, space::kHuge, space::kHuge);
    layout->setSpacing(space::kSmall);
    layout->addStretch(2);
    for (QLabel *label : {m_icon, m_title, m_help}) {
        label->setAlignment(Qt::AlignCenter);
        layout->addWidget(label, 0, Qt::AlignHCenter);
    }
    setRole(m_title, "title");
    setRole(m_help, "muted");
    layout->addSpacing(space::kSmall);
    layout->addWidget(m_action, 0, Qt::AlignHCenter);
    layout->addStretch(3);
    connect(m_action, &QPushButton::clicked, this, &EmptyState::actionTriggered);
}

void EmptyState::setContent(const QByteArray &iconName, const QString &title, const QString &help,
                            const QString &action)
{
    m_iconName = iconName;
    m_title->setText(title);
    m_help->setText(help);
    m_help->setVisible(!help.isEmpty());
    m_action->setText(action);
    m_action->setVisible(!action.isEmpty());
    refreshIcon();
}

QString EmptyState::title() const
{
    return m_title->text();
}

/// Fixed widths, because a wrapped label that may choose its width gets too little height.
void EmptyState::resizeEvent(QResizeEvent *event)
{
    QWidget::resizeEvent(event);
    const int width = std::clamp(this->width() - 2 * space::kHuge, 80, kTextWidthMax);
    m_title->setFixedWidth(width);
    m_help->setFixedWidth(width);
}

void EmptyState::changeEvent(QEvent *event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && !m_iconName.isEmpty())
        refreshIcon();
}

void EmptyState::refreshIcon()
{
    m_icon->setPixmap(
        iconPixmap(m_iconName.constData(), Tone::Muted, kIconSize, devicePixelRatioF()));
}

} // namespace dynakv::admin
