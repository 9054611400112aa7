// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QPushButton;
class QVBoxLayout;

namespace dynakv::admin {

/// The first page: asks for the address of any node, and offers those used before.
class ConnectPage final : public QWidget
{
    Q_OBJECT
public:
    explicit ConnectPage(QWidget *parent = nullptr);

    void setAddress(const QString &address);
    void showBusy(const QString &address);
    void showFailure(const QString &why);
    /// Reads the remembered addresses again.
    void refreshRecent();

Q_SIGNALS:
    void connectRequested(const dynakv::base::Endpoint &node);
    void cancelRequested();

protected:
    void showEvent(QShowEvent *event) override;

private:
    void submit();
    void setBusy(bool isBusy);

    QLineEdit *m_address;
    QPushButton *m_connect;
    QLabel *m_message;
    QWidget *m_recent;
    QVBoxLayout *m_recentLayout;
    bool m_isBusy = false;
};

} // namespace dynakv::admin
