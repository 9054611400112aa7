// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QDialog>

class QLabel;
class QLineEdit;
class QPushButton;

namespace dynakv::admin {

class JsonEditor;

/// Takes a new key and its value. It stays open, with its text, until the key was created.
class NewKeyDialog final : public QDialog
{
    Q_OBJECT
public:
    NewKeyDialog(const QByteArray &suggestedKey, QWidget *parent);

    /// The creation failed; nothing typed is lost.
    void showFailure(const QString &why);
    void finish() { QDialog::accept(); }
    /// Escape and the window's own button, where something was typed, ask first.
    void reject() override;

Q_SIGNALS:
    /// Both are valid.
    void createRequested(const QByteArray &key, const QByteArray &json);

private:
    void submit();
    void check();
    /// Why the input cannot be sent, or nothing.
    [[nodiscard]] QString complaint() const;

    QLineEdit *m_key;
    JsonEditor *m_value;
    QLabel *m_message;
    QPushButton *m_create;
    QString m_suggested;
    bool m_wasSubmitted = false;
    bool m_isBusy = false;
};

} // namespace dynakv::admin
