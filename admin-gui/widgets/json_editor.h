// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPlainTextEdit>

namespace dynakv::admin {

class JsonHighlighter;

/// A text editor for JSON with line numbers. Tab leaves it, as it leaves every other control.
class JsonEditor final : public QPlainTextEdit
{
    Q_OBJECT
public:
    explicit JsonEditor(QWidget *parent = nullptr);

    /// The text as UTF-8, exactly as typed.
    [[nodiscard]] QByteArray json() const;
    /// Replaces the text in one step that can be undone.
    void replaceText(const QString &text);
    void setHighlighting(bool isOn);
    void setLineNumbers(bool isOn);
    void setWrapping(bool isOn);
    /// Marks that line (from 1) as faulty; 0 for none.
    void markFaultyLine(int line);
    void goTo(int line, int column);

protected:
    void resizeEvent(QResizeEvent *event) override;
    void changeEvent(QEvent *event) override;
    void insertFromMimeData(const QMimeData *source) override;

private:
    class Gutter;
    void paintGutter(QPaintEvent *event);
    [[nodiscard]] int gutterWidth() const;
    void placeGutter();
    void updateSelections();

    JsonHighlighter *m_highlighter;
    QWidget *m_gutter;
    int m_faultyLine = 0;
    bool m_hasLineNumbers = true;
};

} // namespace dynakv::admin
