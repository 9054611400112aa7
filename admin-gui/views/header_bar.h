// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

class QButtonGroup;
class QMenu;
class QPushButton;
class QToolButton;

namespace dynakv::admin {

class Pill;
class Session;

/// The bar on top: which page is shown, how the cluster is, and which node answers. The button with
/// the node in use opens a menu to choose another one.
class HeaderBar final : public QFrame
{
    Q_OBJECT
public:
    enum Page { KeysPage, ClusterPage };

    /// Borrows the session, which must outlive the bar.
    explicit HeaderBar(Session &session, QWidget *parent = nullptr);
    void setPage(Page page);

Q_SIGNALS:
    void pageChosen(int page);
    void refreshRequested();

private:
    QPushButton *addPage(Page page, const char *icon, const QString &text, const QString &help);
    void refresh();
    void fillNodeMenu();

    Session &m_session;
    QButtonGroup *m_pages;
    Pill *m_health;
    QToolButton *m_node;
    QMenu *m_nodeMenu;
};

} // namespace dynakv::admin
