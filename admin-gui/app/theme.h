// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/views/main_window.h"

#include <QObject>

class QApplication;

namespace dynakv::admin {

/// The appearance: Qt's Fusion style with our own palette and a small style sheet, light or dark,
/// by the person's choice or as the system has it. The choice is kept in the settings.
class Theme final : public QObject
{
    Q_OBJECT
public:
    using Choice = MainWindow::ThemeChoice;

    explicit Theme(QApplication &application);

    /// The choice of last time.
    [[nodiscard]] static Choice remembered();
    void remember(Choice choice);
    void apply(Choice choice);
    [[nodiscard]] Choice choice() const { return m_choice; }

private:
    [[nodiscard]] bool systemIsDark() const;

    QApplication &m_application;
    bool m_startedDark;
    Choice m_choice = Choice::System;
};

/// `system`, `light` or `dark`; nothing for another word.
std::optional<Theme::Choice> themeFromName(const QString &name);

} // namespace dynakv::admin
