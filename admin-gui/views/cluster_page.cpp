// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/cluster_page.h"

#include "admin-gui/models/display_text.h"
#include "admin-gui/session/session.h"
#include "admin-gui/views/member_delegate.h"
#include "admin-gui/widgets/text_label.h"
#include "admin-gui/widgets/tokens.h"

#include <QAction>
#include <QDateTime>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace dynakv::admin {
namespace {

constexpr int kRowHeight = 34;

} // namespace

ClusterPage::ClusterPage(Session &session, QWidget *parent)
    : QWidget(parent)
    , m_session(session)
    , m_cluster(new TextLabel(this))
    , m_table(new QTableView(this))
{
    setObjectName(QStringLiteral("clusterPage"));
    auto *title = new QLabel(tr("Cluster"), this);
    setRole(title, "heading");
    m_cluster->setObjectName(QStringLiteral("clusterName"));
    setRole(m_cluster, "muted");
    auto *cards = new QWidget(this);
    auto *inCards = new QHBoxLayout(cards);
    inCards->setContentsMargins(0, 0, 0, 0);
    inCards->setSpacing(space::kMedium);
    m_nodes = addCard(cards, tr("Nodes"));
    m_keys = addCard(cards, tr("Keys"));
    m_node = addCard(cards, tr("Node in use"));
    buildTable();
    auto *frame = new QFrame(this);
    setRole(frame, "card");
    auto *inFrame = new QVBoxLayout(frame);
    inFrame->setContentsMargins(1, 1, 1, 1);
    inFrame->addWidget(m_table);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(space::kHuge, space::kHuge, space::kHuge, space::kHuge);
    layout->setSpacing(space::kTiny);
    layout->addWidget(title);
    layout->addWidget(m_cluster);
    layout->addSpacing(space::kMedium);
    layout->addWidget(cards);
    layout->addSpacing(space::kMedium);
    layout->addWidget(frame, 1);
    connect(&m_session, &Session::clusterUpdated, this, &ClusterPage::refresh);
    connect(&m_session, &Session::stateChanged, this, &ClusterPage::refresh);
}

ClusterPage::Card ClusterPage::addCard(QWidget *row, const QString &title)
{
    auto *frame = new QFrame(row);
    setRole(frame, "card");
    auto *name = new QLabel(title, frame);
    setRole(name, "field");
    const Card card{newHelpLabel({}, frame), newHelpLabel({}, frame)};
    setRole(card.figure, "figure");
    setRole(card.note, "muted");
    card.figure->setWordWrap(false);
    auto *layout = new QVBoxLayout(frame);
    layout->setContentsMargins(space::kLarge, space::kMedium, space::kLarge, space::kMedium);
    layout->setSpacing(2);
    layout->addWidget(name);
    layout->addWidget(card.figure);
    layout->addWidget(card.note);
    row->layout()->addWidget(frame);
    return card;
}

void ClusterPage::buildTable()
{
    m_table->setObjectName(QStringLiteral("memberTable"));
    m_table->setAccessibleName(tr("Members of the cluster"));
    m_table->setModel(&m_model);
    m_table->setItemDelegate(new MemberDelegate(m_table));
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setShowGrid(false);
    m_table->setWordWrap(false);
    m_table->setTabKeyNavigation(false);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_table->verticalHeader()->setDefaultSectionSize(kRowHeight);
    QHeaderView *header = m_table->horizontalHeader();
    header->setHighlightSections(false);
    header->setSectionsClickable(false);
    const int widths[] = {120, 240, 100, 100, 100, 120, 90, 170};
    for (int column = 0; column < MemberModel::ColumnCount; ++column)
        header->resizeSection(column, widths[column]);
    header->setSectionResizeMode(MemberModel::AddressColumn, QHeaderView::Stretch);
    auto *use = new QAction(tr("Use this node"), m_table);
    use->setObjectName(QStringLiteral("useNodeAction"));
    m_table->addAction(use);
    connect(use, &QAction::triggered, this, [this] {
        const auto node = base::parseEndpoint(
            m_table->currentIndex().data(MemberModel::AddressRole).toByteArray());
        if (node)
            m_session.use(*node);
    });
}

void ClusterPage::refresh()
{
    if (m_session.state() == Session::State::Idle) {
        m_model.clear();
        return;
    }
    m_model.setMembers(m_session.status().members, m_session.nodeInUse().toString(),
                       QDateTime::currentMSecsSinceEpoch());
    fillCards();
}

void ClusterPage::fillCards()
{
    const auto &status = m_session.status();
    const auto isUp = [](const auto &member) {
        return member.state == "alive" || member.state == "suspect";
    };
    const auto up = std::count_if(status.members.begin(), status.members.end(), isUp);
    const auto all = static_cast<qint64>(status.members.size());
    m_cluster->setFullText(status.clusterId.isEmpty()
                               ? tr("This node belongs to no cluster yet")
                               : tr("Cluster %1").arg(displayKey(status.clusterId)));
    m_nodes.figure->setText(tr("%1 of %2 up").arg(up).arg(all));
    m_nodes.note->setText(up == all ? tr("Every node answers the others.")
                                    : tr("Nodes that are down catch up when they return."));
    const auto self = std::find_if(status.members.begin(), status.members.end(),
                                   [](const auto &member) { return member.isSelf; });
    const bool hasKeys = self != status.members.end() && self->keys;
    m_keys.figure->setText(hasKeys ? displayCount(*self->keys) : QStringLiteral("–"));
    m_keys.note->setText(self != status.members.end() && self->bytes ? displaySize(*self->bytes)
                                                                     : QString());
    m_node.figure->setText(QString::fromUtf8(m_session.nodeInUse().toString()));
    const bool isLost = m_session.state() == Session::State::Unreachable;
    m_node.note->setText(isLost ? tr("Does not answer.")
                         : status.state == "ready"
                             ? tr("Answers in %1 ms.").arg(m_session.latencyMs())
                             : displayKey(status.state + ": " + status.detail));
}

} // namespace dynakv::admin
