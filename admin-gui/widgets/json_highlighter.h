// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSyntaxHighlighter>

namespace dynakv::admin {

/// Colours JSON line by line. No JSON token spans lines, so that a line needs no memory of others.
class JsonHighlighter final : public QSyntaxHighlighter
{
    Q_OBJECT
public:
    using QSyntaxHighlighter::QSyntaxHighlighter;
    /// Off for hex dumps and other text that is no JSON.
    void setActive(bool isActive) { m_isActive = isActive; }

protected:
    void highlightBlock(const QString &text) override;

private:
    bool m_isActive = true;
};

} // namespace dynakv::admin
