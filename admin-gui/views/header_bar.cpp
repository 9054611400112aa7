// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/header_bar.h"

#include "admin-gui/models/display_text.h"
#include "admin-gui/models/member_model.h"
#include "admin-gui/session/session.h"
#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/pill.h"
#include "admin-gui/widgets/text_label.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QMenu>
#include <QPushButton>
#include <QToolButton>

#include <algorithm>

namespace dynakv::admin {

HeaderBar::HeaderBar(Session &session, QWidget *parent)
    : QFrame(parent)
    , m_session(session)
    , m_pages(new QButtonGroup(this))
    , m_health(new Pill(this))
    , m_node(new QToolButton(this))
    , m_nodeMenu(new QMenu(this))
{
    setObjectName(QStringLiteral("headerBar"));
    auto *layout = new QHBoxLayout(this);
    layout->setContentsMargins(space::kMedium, space::kSmall, space::kMedium, space::kSmall);
    layout->setSpacing(space::kSmall);
    layout->addWidget(addPage(KeysPage, "key", tr("Keys"), tr("Keys and values (Ctrl+1)")));
    layout->addWidget(
        addPage(ClusterPage, "cluster", tr("Cluster"), tr("Members of the cluster (Ctrl+2)")));
    layout->addStretch(1);
    m_health->setObjectName(QStringLiteral("healthPill"));
    layout->addWidget(m_health);
    m_node->setObjectName(QStringLiteral("nodeButton"));
    m_node->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_node->setIcon(icon("connect", Tone::Muted));
    m_node->setPopupMode(QToolButton::InstantPopup);
    m_node->setMenu(m_nodeMenu);
    m_node->setFocusPolicy(Qt::TabFocus);
    layout->addWidget(m_node);
    auto *refreshTool = new QToolButton(this);
    refreshTool->setObjectName(QStringLiteral("refreshButton"));
    refreshTool->setIcon(icon("refresh"));
    refreshTool->setToolTip(tr("Refresh (F5)"));
    refreshTool->setAccessibleName(tr("Refresh"));
    refreshTool->setAutoRaise(true);
    refreshTool->setFocusPolicy(Qt::TabFocus);
    layout->addWidget(refreshTool);

    connect(refreshTool, &QToolButton::clicked, this, &HeaderBar::refreshRequested);
    connect(m_pages, &QButtonGroup::idClicked, this, &HeaderBar::pageChosen);
    connect(m_nodeMenu, &QMenu::aboutToShow, this, &HeaderBar::fillNodeMenu);
    connect(&m_session, &Session::clusterUpdated, this, &HeaderBar::refresh);
    connect(&m_session, &Session::nodeChanged, this, &HeaderBar::refresh);
    connect(&m_session, &Session::stateChanged, this, &HeaderBar::refresh);
    refresh();
}

QPushButton *HeaderBar::addPage(Page page, const char *iconName, const QString &text,
                                const QString &help)
{
    auto *button = new QPushButton(icon(iconName), text, this);
    button->setObjectName(QStringLiteral("page%1").arg(int(page)));
    button->setToolTip(help);
    button->setAccessibleName(help);
    button->setCheckable(true);
    button->setFocusPolicy(Qt::TabFocus);
    setRole(button, "tab");
    m_pages->addButton(button, page);
    return button;
}

void HeaderBar::setPage(Page page)
{
    m_pages->button(page)->setChecked(true);
}

void HeaderBar::refresh()
{
    const auto &members = m_session.status().members;
    const auto up = std::count_if(members.begin(), members.end(), [](const auto &member) {
        return member.state == "alive" || member.state == "suspect";
    });
    const auto all = static_cast<qint64>(members.size());
    if (m_session.state() == Session::State::Unreachable)
        m_health->setContent(Tone::Bad, tr("No node answers"), "error");
    else if (up == all)
        m_health->setContent(Tone::Good, tr("%1 of %2 nodes up").arg(up).arg(all), "good");
    else
        m_health->setContent(Tone::Warning, tr("%1 of %2 nodes up").arg(up).arg(all), "warning");
    const QString node = QString::fromUtf8(m_session.nodeInUse().toString());
    m_node->setText(node + QLatin1Char(' '));
    m_node->setToolTip(tr("The node in use. Click to choose another one."));
    m_node->setAccessibleName(tr("Node in use: %1").arg(node));
}

void HeaderBar::fillNodeMenu()
{
    m_nodeMenu->clear();
    const QByteArray inUse = m_session.nodeInUse().toString();
    for (const auto &member : m_session.status().members) {
        const auto node = base::parseEndpoint(member.address);
        if (!node || member.state == "left")
            continue;
        const StateMark mark = stateMark(member.state);
        // An ampersand in an address cannot occur; parseEndpoint() has seen to that.
        QAction *action = m_nodeMenu->addAction(
            icon(mark.icon, mark.tone),
            QString::fromUtf8(member.address) + QStringLiteral("   ") + displayState(member.state));
        action->setCheckable(true);
        action->setChecked(member.address == inUse);
        connect(action, &QAction::triggered, this,
                [this, chosen = *node] { m_session.use(chosen); });
    }
}

} // namespace dynakv::admin
