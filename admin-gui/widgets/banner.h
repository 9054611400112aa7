// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/widgets/tokens.h"

#include <QFrame>
#include <QTimer>

class QLabel;
class QPushButton;
class QToolButton;

namespace dynakv::admin {

/// One line across the window that says what happened, in the colour of its tone, with at most one
/// thing to do about it. Hidden until it has something to say.
class Banner final : public QFrame
{
    Q_OBJECT
public:
    explicit Banner(QWidget *parent = nullptr);

    /// \a action: the text of the button, or empty for none; \a detail: the tool tip. It stays
    /// until hideMessage() or, where \a seconds is not 0, for that long.
    void showMessage(Tone tone, const QString &text, const QString &action = {}, int seconds = 0,
                     const QString &detail = {});
    void hideMessage();
    [[nodiscard]] QString text() const;
    [[nodiscard]] Tone tone() const { return m_tone; }

Q_SIGNALS:
    void actionTriggered();

protected:
    void changeEvent(QEvent *event) override;
    void paintEvent(QPaintEvent *event) override;

private:
    void refreshIcon();

    Tone m_tone = Tone::Text;
    QLabel *m_icon;
    QLabel *m_text;
    QPushButton *m_action;
    QToolButton *m_close;
    QTimer m_timer;
};

} // namespace dynakv::admin
