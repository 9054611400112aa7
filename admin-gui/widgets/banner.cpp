// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/banner.h"

#include "admin-gui/widgets/icon.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QToolButton>

namespace dynakv::admin {

Banner::Banner(QWidget *parent)
    : QFrame(parent)
    , m_icon(new QLabel(this))
    , m_text(new QLabel(this))
    , m_action(new QPushButton(this))
    , m_close(new QToolButton(this))
{
    setObjectName(QStringLiteral("banner"));
    auto *layout = new QHBoxLayout(this);
    layout->setContentsMargins(space::kLarge, space::kSmall, space::kSmall, space::kSmall);
    layout->setSpacing(space::kMedium);
    layout->addWidget(m_icon);
    layout->addWidget(m_text, 1);
    layout->addWidget(m_action);
    layout->addWidget(m_close);
    m_text->setObjectName(QStringLiteral("bannerText"));
    m_text->setTextFormat(Qt::PlainText);
    m_text->setWordWrap(true);
    m_action->setObjectName(QStringLiteral("bannerAction"));
    m_close->setObjectName(QStringLiteral("bannerClose"));
    m_close->setAutoRaise(true);
    m_close->setIcon(icon("close", Tone::Muted));
    m_close->setToolTip(tr("Hide this message"));
    m_close->setAccessibleName(tr("Hide this message"));
    m_timer.setSingleShot(true);
    connect(m_action, &QPushButton::clicked, this, &Banner::actionTriggered);
    connect(m_close, &QToolButton::clicked, this, &Banner::hideMessage);
    connect(&m_timer, &QTimer::timeout, this, &Banner::hideMessage);
    hide();
}

void Banner::showMessage(Tone tone, const QString &text, const QString &action, int seconds,
                         const QString &detail)
{
    m_tone = tone;
    m_text->setText(text);
    setAccessibleName(text);
    setToolTip(detail.toHtmlEscaped());
    m_action->setText(action);
    m_action->setVisible(!action.isEmpty());
    refreshIcon();
    m_timer.stop();
    if (seconds > 0)
        m_timer.start(seconds * 1000);
    show();
    update();
}

void Banner::hideMessage()
{
    m_timer.stop();
    hide();
}

QString Banner::text() const
{
    return m_text->text();
}

void Banner::changeEvent(QEvent *event)
{
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        refreshIcon();
}

void Banner::paintEvent(QPaintEvent *)
{
    QPainter painter(this);
    painter.fillRect(rect(), tokens().tintOf(m_tone));
    painter.fillRect(QRect(0, 0, 4, height()), tokens().of(m_tone));
    painter.fillRect(QRect(0, height() - 1, width(), 1), tokens().border);
}

void Banner::refreshIcon()
{
    const char *name = m_tone == Tone::Bad       ? "error"
                       : m_tone == Tone::Warning ? "warning"
                       : m_tone == Tone::Good    ? "good"
                                                 : "info";
    m_icon->setPixmap(iconPixmap(name, m_tone, 20, devicePixelRatioF()));
}

} // namespace dynakv::admin
