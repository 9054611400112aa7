// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/widgets/tokens.h"

#include <QByteArray>
#include <QWidget>

class QLabel;
class QPushButton;

namespace dynakv::admin {

/// What stands where nothing else does: why it is empty, and what to do next.
class EmptyState final : public QWidget
{
    Q_OBJECT
public:
    explicit EmptyState(QWidget *parent = nullptr);

    /// \a action: the text of the button, or empty for none.
    void setContent(const QByteArray &icon, const QString &title, const QString &help,
                    const QString &action = {});
    [[nodiscard]] QString title() const;

Q_SIGNALS:
    void actionTriggered();

protected:
    void resizeEvent(QResizeEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    void refreshIcon();

    QByteArray m_iconName;
    QLabel *m_icon;
    QLabel *m_title;
    QLabel *m_help;
    QPushButton *m_action;
};

} // namespace dynakv::admin
