// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/widgets/tokens.h"

#include <QByteArray>
#include <QWidget>

namespace dynakv::admin {

/// A small rounded mark with an icon, where one is given, and one word or two.
class Pill final : public QWidget
{
    Q_OBJECT
public:
    explicit Pill(QWidget *parent = nullptr);

    void setContent(Tone tone, const QString &text, const QByteArray &icon = {});
    [[nodiscard]] const QString &text() const { return m_text; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent *event) override;

private:
    Tone m_tone = Tone::Muted;
    QString m_text;
    QByteArray m_icon;
};

} // namespace dynakv::admin
