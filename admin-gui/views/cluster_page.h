// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/models/member_model.h"

#include <QWidget>

class QLabel;
class QTableView;

namespace dynakv::admin {

class Session;
class TextLabel;

/// The members of the cluster as the node in use sees them, with a line of figures above.
class ClusterPage final : public QWidget
{
    Q_OBJECT
public:
    /// Borrows the session, which must outlive the page.
    explicit ClusterPage(Session &session, QWidget *parent = nullptr);

    [[nodiscard]] MemberModel &model() { return m_model; }
    void refresh();

private:
    struct Card
    {
        QLabel *figure = nullptr;
        QLabel *note = nullptr;
    };
    Card addCard(QWidget *row, const QString &title);
    void buildTable();
    void fillCards();

    Session &m_session;
    MemberModel m_model;
    Card m_nodes;
    Card m_keys;
    Card m_node;
    TextLabel *m_cluster;
    QTableView *m_table;
};

} // namespace dynakv::admin
