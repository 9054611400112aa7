// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/text_label.h"

#include <QEvent>
#include <QStyle>
#include <QVariant>

namespace dynakv::admin {

TextLabel::TextLabel(QWidget *parent)
    : QLabel(parent)
{
    setTextFormat(Qt::PlainText);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void TextLabel::setFullText(const QString &text)
{
    if (text == m_fullText)
        return;
    m_fullText = text;
    setAccessibleName(text);
    // A tool tip takes rich text unless it is escaped.
    setToolTip(text.isEmpty() ? QString()
                              : QLatin1String("<p style='white-space:pre-wrap'>") +
                                    text.toHtmlEscaped() + QLatin1String("</p>"));
    elide();
    updateGeometry();
}

QSize TextLabel::sizeHint() const
{
    const int width = fontMetrics().horizontalAdvance(m_fullText.left(200)) + 2;
    return {width + contentsMargins().left() + contentsMargins().right(),
            QLabel::sizeHint().height()};
}

QSize TextLabel::minimumSizeHint() const
{
    return {fontMetrics().averageCharWidth() * 6, QLabel::sizeHint().height()};
}

void TextLabel::resizeEvent(QResizeEvent *event)
{
    QLabel::resizeEvent(event);
    elide();
}

void TextLabel::changeEvent(QEvent *event)
{
    QLabel::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange)
        elide();
}

void TextLabel::elide()
{
    setText(fontMetrics().elidedText(m_fullText, m_elideMode, contentsRect().width()));
}

QLabel *newHelpLabel(const QString &text, QWidget *parent)
{
    auto *label = new QLabel(text, parent);
    label->setTextFormat(Qt::PlainText);
    label->setWordWrap(true);
    return label;
}

void setRole(QWidget *widget, const char *role)
{
    widget->setProperty("role", QLatin1String(role));
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
}

} // namespace dynakv::admin
