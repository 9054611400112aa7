// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/models/key_model.h"

#include <QTimer>
#include <QWidget>

class QLabel;
class QLineEdit;
class QStackedWidget;
class QTableView;

namespace dynakv::admin {

class EmptyState;

/// The list of keys with its prefix filter. What is in sight is fetched again every few seconds, so
/// that the list follows the cluster.
class KeyPanel final : public QWidget
{
    Q_OBJECT
public:
    /// Borrows the source, which must outlive the panel.
    explicit KeyPanel(KeySource &source, QWidget *parent = nullptr);

    [[nodiscard]] KeyModel &model() { return m_model; }
    void start();
    void stop();
    void focusFilter();
    /// Fetches again what is in sight.
    void refresh();
    /// Marks the row of \a key as the open one, without opening it; empty marks none.
    void markOpen(const QByteArray &key);
    /// Marks a key that was just written, and scrolls to it once it stands in the list.
    void reveal(const QByteArray &key);
    /// `12 shown of about 1,000,000`.
    [[nodiscard]] QString summary() const;

Q_SIGNALS:
    void keyChosen(const QByteArray &key);
    void newKeyRequested();
    void deleteRequested();
    void summaryChanged();

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void buildTable();
    void applyFilter();
    void updateState();
    void noteFailure(const QString &why);

    KeyModel m_model;
    QLineEdit *m_filter;
    QTableView *m_table;
    EmptyState *m_empty;
    QStackedWidget *m_stack;
    QLabel *m_footer;
    QTimer m_filterTimer;
    QTimer m_refreshTimer;
    QByteArray m_open;
    QByteArray m_revealPending;
    QString m_failure;
    bool m_isMarking = false; ///< The current row moves by our own doing, not by the person's.
};

} // namespace dynakv::admin
