// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/key_panel.h"

#include "admin-gui/models/display_text.h"
#include "admin-gui/widgets/empty_state.h"
#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/text_label.h"

#include <QHeaderView>
#include <QKeyEvent>
#include <QLineEdit>
#include <QPushButton>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace dynakv::admin {
namespace {

constexpr int kFilterDelayMs = 200;
constexpr int kRefreshMs = 4000;
constexpr int kRowHeight = 28;

} // namespace

KeyPanel::KeyPanel(KeySource &source, QWidget *parent)
    : QWidget(parent)
    , m_model(source)
    , m_filter(new QLineEdit(this))
    , m_table(new QTableView(this))
    , m_empty(new EmptyState(this))
    , m_stack(new QStackedWidget(this))
    , m_footer(new QLabel(this))
{
    setObjectName(QStringLiteral("keyPanel"));
    setAttribute(Qt::WA_StyledBackground);
    m_filter->setObjectName(QStringLiteral("keyFilter"));
    m_filter->setAccessibleName(tr("Key prefix"));
    m_filter->setPlaceholderText(tr("Keys that begin with…"));
    m_filter->setClearButtonEnabled(true);
    m_filter->addAction(icon("search", Tone::Muted), QLineEdit::LeadingPosition);
    auto *add = new QPushButton(icon("add", Tone::OnAccent), tr("New"), this);
    add->setObjectName(QStringLiteral("newKeyButton"));
    add->setToolTip(tr("Create a key (Ctrl+N)"));
    add->setAccessibleName(tr("New key"));
    setRole(add, "primary");
    m_footer->setObjectName(QStringLiteral("keyFooter"));
    m_footer->setTextFormat(Qt::PlainText);
    setRole(m_footer, "footer");
    buildTable();

    auto *bar = new QHBoxLayout;
    bar->setContentsMargins(space::kMedium, space::kMedium, space::kMedium, space::kMedium);
    bar->setSpacing(space::kSmall);
    bar->addWidget(m_filter, 1);
    bar->addWidget(add);
    m_stack->addWidget(m_table);
    m_stack->addWidget(m_empty);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addLayout(bar);
    layout->addWidget(m_stack, 1);
    layout->addWidget(m_footer);
    setTabOrder(m_filter, add);
    setTabOrder(add, m_table);

    m_filterTimer.setSingleShot(true);
    m_filterTimer.setInterval(kFilterDelayMs);
    m_refreshTimer.setInterval(kRefreshMs);
    connect(&m_filterTimer, &QTimer::timeout, this, &KeyPanel::applyFilter);
    connect(&m_refreshTimer, &QTimer::timeout, this, &KeyPanel::refresh);
    connect(m_filter, &QLineEdit::textChanged, this, [this] { m_filterTimer.start(); });
    connect(m_filter, &QLineEdit::returnPressed, this, [this] {
        m_filterTimer.stop();
        applyFilter();
        m_table->setFocus();
    });
    connect(add, &QPushButton::clicked, this, &KeyPanel::newKeyRequested);
    connect(m_empty, &EmptyState::actionTriggered, this, [this] {
        if (!m_failure.isEmpty())
            m_model.retry();
        else if (m_model.prefix().isEmpty())
            Q_EMIT newKeyRequested();
        else
            m_filter->clear();
    });
    connect(&m_model, &KeyModel::progressed, this, [this] {
        if (m_model.hasAnswer())
            m_failure.clear();
        updateState();
    });
    connect(&m_model, &KeyModel::failed, this, &KeyPanel::noteFailure);
    updateState();
}

void KeyPanel::buildTable()
{
    // Before the selection model connects to it: when the row of the open key goes, the current row
    // moves to a neighbour, which nobody chose.
    connect(&m_model, &KeyModel::rowsAboutToBeRemoved, this, [this] { m_isMarking = true; });
    connect(&m_model, &KeyModel::modelAboutToBeReset, this, [this] { m_isMarking = true; });
    m_table->setObjectName(QStringLiteral("keyTable"));
    m_table->setAccessibleName(tr("Keys"));
    m_table->setModel(&m_model);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setShowGrid(false);
    m_table->setWordWrap(false);
    m_table->setTabKeyNavigation(false);
    m_table->setTextElideMode(Qt::ElideMiddle);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerItem);
    m_table->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_table->installEventFilter(this);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_table->verticalHeader()->setDefaultSectionSize(kRowHeight);
    QHeaderView *header = m_table->horizontalHeader();
    header->setHighlightSections(false);
    header->setSectionsClickable(false);
    header->setSectionResizeMode(QHeaderView::Fixed);
    header->setSectionResizeMode(KeyModel::KeyColumn, QHeaderView::Stretch);
    const QFontMetrics metrics = fontMetrics();
    header->resizeSection(KeyModel::SizeColumn,
                          metrics.horizontalAdvance(QStringLiteral("1023.9 KB")) + 24);
    header->resizeSection(KeyModel::UpdatedColumn,
                          metrics.horizontalAdvance(QStringLiteral("59 min ago")) + 32);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &current) {
                const QByteArray key = m_model.keyAt(current.row());
                if (!m_isMarking && !key.isEmpty())
                    Q_EMIT keyChosen(key);
            });
    const auto settled = [this] {
        m_isMarking = false;
        markOpen(m_open);
    };
    connect(&m_model, &KeyModel::rowsRemoved, this, settled);
    connect(&m_model, &KeyModel::modelReset, this, settled);
    connect(&m_model, &KeyModel::rowsInserted, this, [this] { markOpen(m_open); });
}

void KeyPanel::start()
{
    m_failure.clear();
    applyFilter();
    m_refreshTimer.start();
}

void KeyPanel::stop()
{
    m_refreshTimer.stop();
    m_filterTimer.stop();
    m_open.clear();
    m_model.clear();
}

void KeyPanel::focusFilter()
{
    m_filter->setFocus(Qt::ShortcutFocusReason);
    m_filter->selectAll();
}

void KeyPanel::applyFilter()
{
    const auto prefix = keyFromDisplay(m_filter->text());
    if (!prefix) {
        m_footer->setText(tr("A backslash is written \\\\, a byte \\xHH."));
        return;
    }
    m_failure.clear();
    m_model.setPrefix(*prefix);
}

void KeyPanel::refresh()
{
    if (!m_failure.isEmpty() || m_model.rowCount() == 0) {
        if (m_model.hasAnswer())
            m_model.refresh(0, 0);
        else
            m_model.retry();
        return;
    }
    const int first = m_table->rowAt(0);
    const int last = m_table->rowAt(m_table->viewport()->height() - 1);
    m_model.refresh(std::max(first, 0), last < 0 ? m_model.rowCount() - 1 : last);
}

void KeyPanel::markOpen(const QByteArray &key)
{
    m_open = key;
    const int row = key.isEmpty() ? -1 : m_model.rowOf(key);
    const QModelIndex current = m_table->currentIndex();
    const bool isMarked =
        row >= 0 && row == current.row() && m_table->selectionModel()->isRowSelected(row);
    // A placeholder may be the open key, whose page is not held at the moment.
    const bool mayBeMarked =
        !key.isEmpty() && row < 0 && current.isValid() && m_model.keyAt(current.row()).isEmpty();
    if (!isMarked && !mayBeMarked) {
        m_isMarking = true;
        m_table->setAutoScroll(false);
        m_table->selectionModel()->setCurrentIndex(row < 0 ? QModelIndex() : m_model.index(row, 0),
                                                   QItemSelectionModel::ClearAndSelect |
                                                       QItemSelectionModel::Rows);
        m_table->setAutoScroll(true);
        m_isMarking = false;
    }
    if (row >= 0 && m_revealPending == key) {
        m_revealPending.clear();
        m_table->scrollTo(m_model.index(row, 0));
    }
}

void KeyPanel::reveal(const QByteArray &key)
{
    m_revealPending = key;
    m_model.refreshAround(key);
    markOpen(key);
}

void KeyPanel::noteFailure(const QString &why)
{
    m_failure = why;
    updateState();
}

QString KeyPanel::summary() const
{
    const int shown = m_model.rowCount();
    if (m_model.isComplete())
        return shown == 1 ? tr("1 key") : tr("%1 keys").arg(displayCount(shown));
    return tr("%1 of about %2 keys")
        .arg(displayCount(shown), displayCount(std::max<qint64>(m_model.totalEstimate(), shown)));
}

void KeyPanel::updateState()
{
    const bool isEmpty = m_model.rowCount() == 0;
    const bool hasFailed = isEmpty && !m_failure.isEmpty() && !m_model.hasAnswer();
    if (hasFailed)
        m_empty->setContent("warning", tr("The keys could not be read"), m_failure,
                            tr("Try again"));
    else if (m_model.hasAnswer() && m_model.prefix().isEmpty())
        m_empty->setContent("empty", tr("No keys yet"),
                            tr("Keys that anyone writes to the cluster appear here by themselves."),
                            tr("Create a key"));
    else if (m_model.hasAnswer())
        m_empty->setContent("search", tr("No keys under this prefix"),
                            tr("No key begins with “%1”.").arg(displayKey(m_model.prefix())),
                            tr("Clear the filter"));
    m_stack->setCurrentWidget(
        isEmpty && (m_model.hasAnswer() || hasFailed) ? static_cast<QWidget *>(m_empty) : m_table);
    m_footer->setText(m_model.isLoading() && isEmpty ? tr("Loading…") : summary());
    Q_EMIT summaryChanged();
}

bool KeyPanel::eventFilter(QObject *watched, QEvent *event)
{
    if (watched == m_table && event->type() == QEvent::KeyPress) {
        const auto *key = static_cast<QKeyEvent *>(event);
        if (key->key() == Qt::Key_Delete && !m_open.isEmpty()) {
            Q_EMIT deleteRequested();
            return true;
        }
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            const QByteArray current = m_model.keyAt(m_table->currentIndex().row());
            if (!current.isEmpty())
                Q_EMIT keyChosen(current);
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace dynakv::admin
