// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/pill.h"

#include "admin-gui/widgets/icon.h"

#include <QPainter>

namespace dynakv::admin {
namespace {

constexpr int kIconSize = 16;

} // namespace

Pill::Pill(QWidget *parent)
    : QWidget(parent)
{
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void Pill::setContent(Tone tone, const QString &text, const QByteArray &iconName)
{
    m_tone = tone;
    m_text = text;
    m_icon = iconName;
    setAccessibleName(text);
    updateGeometry();
    update();
}

QSize Pill::sizeHint() const
{
    const int iconWidth = m_icon.isEmpty() ? 0 : kIconSize + space::kTiny;
    return {fontMetrics().horizontalAdvance(m_text) + iconWidth + 2 * space::kSmall + 2,
            std::max(fontMetrics().height(), kIconSize) + 2 * 3};
}

void Pill::paintEvent(QPaintEvent *)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(m_tone == Tone::Muted ? QPen(tokens().border) : QPen(Qt::NoPen));
    painter.setBrush(tokens().tintOf(m_tone));
    const QRectF box = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
    painter.drawRoundedRect(box, 6, 6);
    int x = space::kSmall;
    if (!m_icon.isEmpty()) {
        icon(m_icon.constData(), m_tone)
            .paint(&painter, QRect(x, (height() - kIconSize) / 2, kIconSize, kIconSize));
        x += kIconSize + space::kTiny;
    }
    painter.setPen(tokens().of(m_tone));
    painter.drawText(QRect(x, 0, width() - x - space::kTiny, height()),
                     Qt::AlignVCenter | Qt::AlignLeft, m_text);
}

} // namespace dynakv::admin
