// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>

namespace dynakv::admin {

/// A label for what comes from outside. It shows plain text only, on one line, and elides it, in
/// the middle unless told otherwise, instead of growing; the whole text is its tool tip.
class TextLabel final : public QLabel
{
    Q_OBJECT
public:
    explicit TextLabel(QWidget *parent = nullptr);
    void setFullText(const QString &text);
    /// Before there is a text.
    void setElideMode(Qt::TextElideMode mode) { m_elideMode = mode; }
    [[nodiscard]] const QString &fullText() const { return m_fullText; }
    [[nodiscard]] QSize minimumSizeHint() const override;
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void resizeEvent(QResizeEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    void elide();

    QString m_fullText;
    Qt::TextElideMode m_elideMode = Qt::ElideMiddle;
};

/// Text for people that may contain data: plain, selectable and wrapped.
QLabel *newHelpLabel(const QString &text, QWidget *parent = nullptr);

/// A name for the style sheet, which selects by the property `role`.
void setRole(QWidget *widget, const char *role);

} // namespace dynakv::admin
