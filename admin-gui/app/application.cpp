// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/app/application.h"

#include "admin-gui/app/options.h"
#include "admin-gui/app/theme.h"
#include "admin-gui/views/main_window.h"

#include <QApplication>

#include <cstdio>

namespace dynakv::admin {

int run(int argc, char **argv)
{
    QCoreApplication::setOrganizationName(QStringLiteral("DynaKV"));
    QCoreApplication::setApplicationName(QStringLiteral("dynakv-admin"));
    QCoreApplication::setApplicationVersion(QStringLiteral(DYNAKV_VERSION));
    QGuiApplication::setDesktopFileName(QStringLiteral("dynakv-admin"));
    // Before the application is made, since --help must work where there is no display.
    const Options options = parseOptions(argc, argv);
    if (options.exitCode) {
        std::fputs(options.text.constData(), *options.exitCode == 0 ? stdout : stderr);
        return *options.exitCode;
    }
    QApplication application(argc, argv);
    QGuiApplication::setApplicationDisplayName(QStringLiteral("DynaKV Admin"));
    Theme theme(application);
    const Theme::Choice choice = options.theme.value_or(Theme::remembered());
    theme.apply(choice);
    MainWindow window;
    window.setThemeChoice(choice);
    QObject::connect(&window, &MainWindow::themeChosen, &theme, [&theme](Theme::Choice chosen) {
        theme.remember(chosen);
        theme.apply(chosen);
    });
    if (options.node)
        window.connectTo(*options.node);
    window.show();
    return QApplication::exec();
}

} // namespace dynakv::admin
