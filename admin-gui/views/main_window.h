// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/session/session.h"

#include <QMainWindow>

class QLabel;
class QStackedWidget;

namespace dynakv::admin {

class Banner;
class BrowserPage;
class ClusterPage;
class ConnectPage;
class HeaderBar;

/// The window: the page that connects, or the pages of the cluster it is connected to, with banner,
/// menus and status bar around them.
class MainWindow final : public QMainWindow
{
    Q_OBJECT
public:
    enum class ThemeChoice : quint8 { System, Light, Dark };

    explicit MainWindow(QWidget *parent = nullptr);
    ~MainWindow() override;

    void connectTo(const base::Endpoint &node);
    [[nodiscard]] Session &session() { return m_session; }
    void setThemeChoice(ThemeChoice choice);

Q_SIGNALS:
    void themeChosen(dynakv::admin::MainWindow::ThemeChoice choice);

protected:
    void closeEvent(QCloseEvent *event) override;

private:
    void buildMenus();
    void buildStatusBar();
    QAction *addAction(QMenu *menu, const char *icon, const QString &text,
                       const QKeySequence &shortcut, std::function<void()> run, bool needsCluster);
    void followSession();
    void showState(Session::State state);
    void showNodeChange(const base::Endpoint &from, const base::Endpoint &to,
                        const QString &reason);
    void showPage(int page);
    void disconnectAfterAsking();
    void updateStatusBar();
    void updateTitle();
    void showAbout();
    void restoreLayout();

    Session m_session;
    QStackedWidget *m_stack;
    ConnectPage *m_connectPage;
    QWidget *m_clusterArea;
    HeaderBar *m_header;
    Banner *m_banner;
    QStackedWidget *m_pages;
    BrowserPage *m_browser;
    ClusterPage *m_clusterPage;
    QLabel *m_statusNode;
    QLabel *m_statusKeys;
    QList<QAction *> m_clusterActions;
    QList<QAction *> m_themeActions;
    bool m_wasUnreachable = false;
    bool m_mayClose = false;
};

} // namespace dynakv::admin
