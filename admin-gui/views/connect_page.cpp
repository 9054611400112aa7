// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/connect_page.h"

#include "admin-gui/session/recent_addresses.h"
#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/text_label.h"
#include "shared/base/limits.h"

#include <QHBoxLayout>
#include <QLineEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

namespace dynakv::admin {
namespace {

constexpr int kCardWidth = 460;
constexpr int kMarkSize = 56;

} // namespace

ConnectPage::ConnectPage(QWidget *parent)
    : QWidget(parent)
    , m_address(new QLineEdit(this))
    , m_connect(new QPushButton(this))
    , m_message(newHelpLabel({}, this))
    , m_recent(new QWidget(this))
    , m_recentLayout(new QVBoxLayout(m_recent))
{
    setObjectName(QStringLiteral("connectPage"));
    auto *mark = new QLabel(this);
    mark->setPixmap(applicationIcon().pixmap(QSize(kMarkSize, kMarkSize), devicePixelRatioF()));
    mark->setFixedSize(kMarkSize, kMarkSize);
    auto *title = newHelpLabel(tr("Connect to a cluster"), this);
    setRole(title, "heading");
    auto *help = newHelpLabel(tr("Enter the address of any node. The other nodes are found by "
                                 "themselves, and if this one fails, another takes its place."),
                              this);
    setRole(help, "muted");
    auto *label = new QLabel(tr("Node &address"), this);
    label->setBuddy(m_address);
    setRole(label, "field");
    m_address->setObjectName(QStringLiteral("connectAddress"));
    m_address->setAccessibleName(tr("Node address"));
    m_address->setPlaceholderText(tr("host:port, for example 127.0.0.1:6660"));
    m_address->setText(QStringLiteral("127.0.0.1:6660"));
    m_connect->setObjectName(QStringLiteral("connectButton"));
    setRole(m_connect, "primary");
    m_message->setObjectName(QStringLiteral("connectMessage"));
    m_recentLayout->setContentsMargins(0, space::kSmall, 0, 0);
    m_recentLayout->setSpacing(space::kTiny);

    auto *card = new QFrame(this);
    setRole(card, "card");
    card->setFixedWidth(kCardWidth);
    auto *row = new QHBoxLayout;
    row->setSpacing(space::kSmall);
    row->addWidget(m_address, 1);
    row->addWidget(m_connect);
    auto *inCard = new QVBoxLayout(card);
    inCard->setContentsMargins(32, 32, 32, 28);
    inCard->setSpacing(space::kSmall);
    inCard->addWidget(mark);
    inCard->addSpacing(space::kSmall);
    inCard->addWidget(title);
    inCard->addWidget(help);
    inCard->addSpacing(space::kMedium);
    inCard->addWidget(label);
    inCard->addLayout(row);
    inCard->addWidget(m_message);
    inCard->addWidget(m_recent);
    auto *layout = new QVBoxLayout(this);
    layout->addStretch(2);
    layout->addWidget(card, 0, Qt::AlignHCenter);
    layout->addStretch(3);

    connect(m_connect, &QPushButton::clicked, this, &ConnectPage::submit);
    connect(m_address, &QLineEdit::returnPressed, this, &ConnectPage::submit);
    setBusy(false);
    m_message->hide();
    refreshRecent();
}

void ConnectPage::setAddress(const QString &address)
{
    m_address->setText(address);
}

void ConnectPage::setBusy(bool isBusy)
{
    m_isBusy = isBusy;
    m_address->setEnabled(!isBusy);
    m_recent->setEnabled(!isBusy);
    m_connect->setText(isBusy ? tr("Cancel") : tr("Connect"));
}

void ConnectPage::showBusy(const QString &address)
{
    setBusy(true);
    setRole(m_message, "muted");
    m_message->setText(tr("Connecting to %1…").arg(address));
    m_message->show();
}

void ConnectPage::showFailure(const QString &why)
{
    setBusy(false);
    setRole(m_message, "bad");
    m_message->setText(why);
    m_message->setVisible(!why.isEmpty());
    m_address->setFocus();
    m_address->selectAll();
}

void ConnectPage::submit()
{
    if (m_isBusy) {
        Q_EMIT cancelRequested();
        showFailure({});
        return;
    }
    const auto node =
        base::parseEndpoint(m_address->text().trimmed().toUtf8(), base::limits::kApiPortDefault);
    if (!node) {
        showFailure(QString::fromUtf8(node.error().message));
        return;
    }
    Q_EMIT connectRequested(*node);
}

void ConnectPage::refreshRecent()
{
    while (QLayoutItem *item = m_recentLayout->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    const QStringList addresses = recent::addresses();
    m_recent->setVisible(!addresses.isEmpty());
    if (addresses.isEmpty())
        return;
    auto *title = new QLabel(tr("Recent"), m_recent);
    setRole(title, "field");
    m_recentLayout->addWidget(title);
    for (const QString &address : addresses) {
        auto *row = new QWidget(m_recent);
        auto *layout = new QHBoxLayout(row);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->setSpacing(space::kTiny);
        auto *open = new QPushButton(icon("history", Tone::Muted), address, row);
        open->setObjectName(QStringLiteral("recentAddress"));
        open->setAutoDefault(false);
        setRole(open, "row");
        auto *forget = new QToolButton(row);
        forget->setAutoRaise(true);
        forget->setIcon(icon("close", Tone::Muted));
        forget->setToolTip(tr("Forget this address"));
        forget->setAccessibleName(tr("Forget %1").arg(address));
        layout->addWidget(open, 1);
        layout->addWidget(forget);
        m_recentLayout->addWidget(row);
        connect(open, &QPushButton::clicked, this, [this, address] {
            m_address->setText(address);
            submit();
        });
        connect(
            forget, &QToolButton::clicked, this,
            [this, address] {
                recent::forget(address);
                refreshRecent();
            },
            Qt::QueuedConnection);
    }
}

void ConnectPage::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    m_address->setFocus();
    m_address->selectAll();
}

} // namespace dynakv::admin
