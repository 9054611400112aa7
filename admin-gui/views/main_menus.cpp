// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/main_window.h"

#include "admin-gui/dialogs/question_dialog.h"
#include "admin-gui/views/browser_page.h"
#include "admin-gui/views/header_bar.h"
#include "admin-gui/views/key_panel.h"
#include "admin-gui/views/value_panel.h"
#include "admin-gui/widgets/icon.h"

#include <QActionGroup>
#include <QMenu>
#include <QMenuBar>

/// The menus of the main window. Everything the window can do stands in one of them, so that it can
/// be found and reached by keyboard.
namespace dynakv::admin {

QAction *MainWindow::addAction(QMenu *menu, const char *iconName, const QString &text,
                               const QKeySequence &shortcut, std::function<void()> run,
                               bool needsCluster)
{
    QAction *action =
        iconName ? menu->addAction(icon(iconName, Tone::Muted), text) : menu->addAction(text);
    action->setShortcut(shortcut);
    connect(action, &QAction::triggered, this, std::move(run));
    if (needsCluster)
        m_clusterActions.append(action);
    return action;
}

void MainWindow::buildMenus()
{
    ValuePanel &value = m_browser->value();
    KeyPanel &keys = m_browser->keys();
    QMenu *file = menuBar()->addMenu(tr("&Connection"));
    addAction(
        file, "disconnect", tr("&Disconnect…"), {}, [this] { disconnectAfterAsking(); }, true)
        ->setText(tr("&Disconnect"));
    file->addSeparator();
    addAction(
        file, nullptr, tr("&Quit"), QKeySequence::Quit, [this] { close(); }, false);

    QMenu *key = menuBar()->addMenu(tr("&Key"));
    addAction(
        key, "add", tr("&New key…"), QKeySequence::New, [this] { m_browser->newKey(); }, true);
    addAction(
        key, "save", tr("&Save"), QKeySequence::Save, [&value] { value.save(); }, true);
    addAction(
        key, "discard", tr("&Discard changes…"), {}, [&value] { value.discard(); }, true);
    key->addSeparator();
    addAction(
        key, "format", tr("&Format"), QKeySequence(tr("Ctrl+Shift+F")),
        [&value] { value.format(); }, true);
    addAction(
        key, "compact", tr("&Minify"), QKeySequence(tr("Ctrl+Shift+M")),
        [&value] { value.minify(); }, true);
    key->addSeparator();
    addAction(
        key, "download", tr("Save value to a f&ile…"), {}, [&value] { value.saveToFile(); }, true);
    addAction(
        key, "upload", tr("&Replace value by a file…"), {}, [&value] { value.replaceFromFile(); },
        true);
    key->addSeparator();
    addAction(
        key, "delete", tr("D&elete key…"), QKeySequence(tr("Ctrl+Shift+Del")),
        [&value] { value.askToDelete(); }, true);

    QMenu *view = menuBar()->addMenu(tr("&View"));
    addAction(
        view, "key", tr("&Keys"), QKeySequence(tr("Ctrl+1")),
        [this] { showPage(HeaderBar::KeysPage); }, true);
    addAction(
        view, "cluster", tr("&Cluster"), QKeySequence(tr("Ctrl+2")),
        [this] { showPage(HeaderBar::ClusterPage); }, true);
    addAction(
        view, "search", tr("&Filter keys"), QKeySequence::Find,
        [this, &keys] {
            showPage(HeaderBar::KeysPage);
            keys.focusFilter();
        },
        true);
    addAction(
        view, "refresh", tr("&Refresh"), QKeySequence::Refresh,
        [this] {
            m_session.pollNow();
            m_browser->refresh();
        },
        true);
    view->addSeparator();
    QAction *wrap = addAction(
        view, "wrap", tr("&Wrap long lines"), QKeySequence(tr("Alt+Z")), [] {}, false);
    wrap->setCheckable(true);
    connect(wrap, &QAction::toggled, &value, &ValuePanel::setWrapping);
    QMenu *theme = view->addMenu(icon("theme", Tone::Muted), tr("&Theme"));
    auto *group = new QActionGroup(this);
    const std::pair<QString, ThemeChoice> themes[] = {
        {tr("Follow the &system"), ThemeChoice::System},
        {tr("&Light"), ThemeChoice::Light},
        {tr("&Dark"), ThemeChoice::Dark}};
    for (const auto &[text, choice] : themes) {
        QAction *action = addAction(
            theme, nullptr, text, {}, [this, chosen = choice] { Q_EMIT themeChosen(chosen); },
            false);
        action->setCheckable(true);
        group->addAction(action);
        m_themeActions.append(action);
    }
    QMenu *help = menuBar()->addMenu(tr("&Help"));
    addAction(
        help, "info", tr("&About DynaKV Admin"), {}, [this] { showAbout(); }, false);
}

void MainWindow::setThemeChoice(ThemeChoice choice)
{
    m_themeActions.at(static_cast<int>(choice))->setChecked(true);
}

void MainWindow::showAbout()
{
    const Question about{
        Tone::Accent,
        tr("DynaKV Admin %1").arg(QStringLiteral(DYNAKV_VERSION)),
        tr("The desktop application for DynaKV clusters: keys, values and members, "
           "through any node.\n\nFree software under the GNU General Public License, "
           "version 3 or later. It comes without any warranty."),
        {{tr("Close"), Question::Kind::Plain}}};
    ask(this, about, [](int) {});
}

} // namespace dynakv::admin
