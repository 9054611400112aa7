// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/main_window.h"

#include "admin-gui/session/recent_addresses.h"
#include "admin-gui/views/browser_page.h"
#include "admin-gui/views/cluster_page.h"
#include "admin-gui/views/connect_page.h"
#include "admin-gui/views/header_bar.h"
#include "admin-gui/views/key_panel.h"
#include "admin-gui/views/value_panel.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/text_label.h"

#include <QCloseEvent>
#include <QSettings>
#include <QStackedWidget>
#include <QStatusBar>
#include <QVBoxLayout>

namespace dynakv::admin {
namespace {

constexpr int kToldMs = 5000;
constexpr int kNodeChangeSeconds = 30;
const QString kGeometry = QStringLiteral("window/geometry");

} // namespace

MainWindow::MainWindow(QWidget *parent)
    : QMainWindow(parent)
    , m_stack(new QStackedWidget(this))
    , m_connectPage(new ConnectPage(this))
    , m_clusterArea(new QWidget(this))
    , m_header(new HeaderBar(m_session, this))
    , m_banner(new Banner(this))
    , m_pages(new QStackedWidget(this))
    , m_browser(new BrowserPage(m_session, this))
    , m_clusterPage(new ClusterPage(m_session, this))
    , m_statusNode(new QLabel(this))
    , m_statusKeys(new QLabel(this))
{
    setObjectName(QStringLiteral("mainWindow"));
    setWindowIcon(applicationIcon());
    m_pages->addWidget(m_browser);
    m_pages->addWidget(m_clusterPage);
    auto *layout = new QVBoxLayout(m_clusterArea);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_header);
    layout->addWidget(m_banner);
    layout->addWidget(m_pages, 1);
    m_stack->addWidget(m_connectPage);
    m_stack->addWidget(m_clusterArea);
    setCentralWidget(m_stack);
    buildMenus();
    buildStatusBar();
    followSession();

    connect(m_connectPage, &ConnectPage::connectRequested, this, &MainWindow::connectTo);
    connect(m_connectPage, &ConnectPage::cancelRequested, &m_session,
            &Session::disconnectFromCluster);
    connect(m_header, &HeaderBar::pageChosen, this, &MainWindow::showPage);
    connect(m_header, &HeaderBar::refreshRequested, m_browser, [this] {
        m_session.pollNow();
        m_browser->refresh();
    });
    connect(m_banner, &Banner::actionTriggered, &m_session, &Session::pollNow);
    connect(m_browser, &BrowserPage::told, this,
            [this](const QString &what) { statusBar()->showMessage(what, kToldMs); });
    connect(&m_browser->keys(), &KeyPanel::summaryChanged, this, &MainWindow::updateStatusBar);
    connect(&m_browser->value(), &ValuePanel::modifiedChanged, this, &MainWindow::updateTitle);
    showPage(HeaderBar::KeysPage);
    showState(Session::State::Idle);
    restoreLayout();
}

MainWindow::~MainWindow() = default;

void MainWindow::restoreLayout()
{
    resize(1280, 800);
    const QByteArray geometry = QSettings().value(kGeometry).toByteArray();
    if (!geometry.isEmpty())
        restoreGeometry(geometry);
    setMinimumSize(760, 480);
}

void MainWindow::buildStatusBar()
{
    for (QLabel *label : {m_statusNode, m_statusKeys}) {
        label->setTextFormat(Qt::PlainText);
        setRole(label, "muted");
    }
    m_statusNode->setObjectName(QStringLiteral("statusNode"));
    m_statusKeys->setObjectName(QStringLiteral("statusKeys"));
    statusBar()->addPermanentWidget(m_statusKeys);
    statusBar()->addPermanentWidget(m_statusNode);
    statusBar()->setSizeGripEnabled(false);
}

void MainWindow::followSession()
{
    connect(&m_session, &Session::stateChanged, this, &MainWindow::showState);
    connect(&m_session, &Session::clusterUpdated, this, &MainWindow::updateStatusBar);
    connect(&m_session, &Session::nodeChanged, this, &MainWindow::showNodeChange);
    connect(&m_session, &Session::connectFailed, m_connectPage,
            [this](const QString &why) { m_connectPage->showFailure(why); });
    connect(&m_session, &Session::stillUnreachable, this, [this](const QString &why) {
        m_wasUnreachable = true;
        m_banner->showMessage(
            Tone::Bad,
            tr("No node of the cluster answers. What you see and typed stays; trying again "
               "by itself."),
            tr("Try now"), 0, why);
    });
}

void MainWindow::connectTo(const base::Endpoint &node)
{
    m_browser->value().leave([this, node] {
        m_browser->stop();
        m_connectPage->setAddress(QString::fromUtf8(node.toString()));
        m_session.connectTo(node);
        m_connectPage->showBusy(QString::fromUtf8(node.toString()));
        m_stack->setCurrentWidget(m_connectPage);
    });
}

void MainWindow::showState(Session::State state)
{
    const bool isOpen = state == Session::State::Connected || state == Session::State::Unreachable;
    for (QAction *action : m_clusterActions)
        action->setEnabled(isOpen);
    statusBar()->setVisible(isOpen);
    m_header->setVisible(isOpen);
    if (!isOpen) {
        m_banner->hideMessage();
        m_wasUnreachable = false;
        m_stack->setCurrentWidget(m_connectPage);
    } else if (m_stack->currentWidget() != m_clusterArea) {
        recent::remember(QString::fromUtf8(m_session.nodeInUse().toString()));
        m_connectPage->showFailure({});
        m_connectPage->refreshRecent();
        m_stack->setCurrentWidget(m_clusterArea);
        m_browser->start();
        m_browser->keys().focusFilter();
    } else if (state == Session::State::Connected && m_wasUnreachable) {
        m_wasUnreachable = false;
        m_banner->showMessage(Tone::Good,
                              tr("Connected again, through %1.")
                                  .arg(QString::fromUtf8(m_session.nodeInUse().toString())),
                              {}, 5);
        m_browser->refresh();
    }
    updateStatusBar();
    updateTitle();
}

void MainWindow::showNodeChange(const base::Endpoint &from, const base::Endpoint &to,
                                const QString &reason)
{
    m_wasUnreachable = false;
    m_banner->showMessage(
        Tone::Warning,
        tr("Node %1 is not reachable (%2). Using %3.")
            .arg(QString::fromUtf8(from.toString()), reason, QString::fromUtf8(to.toString())),
        {}, kNodeChangeSeconds);
    updateStatusBar();
    updateTitle();
}

void MainWindow::showPage(int page)
{
    m_pages->setCurrentIndex(page);
    m_header->setPage(static_cast<HeaderBar::Page>(page));
}

void MainWindow::disconnectAfterAsking()
{
    m_browser->value().leave([this] {
        m_browser->stop();
        m_session.disconnectFromCluster();
        m_connectPage->showFailure({});
    });
}

void MainWindow::updateStatusBar()
{
    const bool isLost = m_session.state() == Session::State::Unreachable;
    const QString node = QString::fromUtf8(m_session.nodeInUse().toString());
    m_statusNode->setText(isLost ? tr("%1  ·  no answer").arg(node)
                                 : tr("%1  ·  %2 ms").arg(node).arg(m_session.latencyMs()));
    m_statusKeys->setText(m_browser->keys().summary());
}

void MainWindow::updateTitle()
{
    const bool isOpen = m_session.isOpen();
    const QString node = QString::fromUtf8(m_session.nodeInUse().toString());
    setWindowTitle(isOpen ? tr("%1[*] — DynaKV Admin").arg(node) : tr("DynaKV Admin[*]"));
    setWindowModified(m_browser->value().isModified());
}

void MainWindow::closeEvent(QCloseEvent *event)
{
    if (!m_mayClose && m_browser->value().isModified()) {
        event->ignore();
        m_browser->value().leave([this] {
            m_mayClose = true;
            close();
        });
        return;
    }
    QSettings().setValue(kGeometry, saveGeometry());
    QMainWindow::closeEvent(event);
}

} // namespace dynakv::admin
