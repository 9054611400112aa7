// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/json_editor.h"

#include "admin-gui/models/json_text.h"
#include "admin-gui/models/value_view.h"
#include "admin-gui/widgets/json_highlighter.h"
#include "admin-gui/widgets/tokens.h"

#include <QFontDatabase>
#include <QMimeData>
#include <QPaintEvent>
#include <QPainter>
#include <QTextBlock>

namespace dynakv::admin {

class JsonEditor::Gutter final : public QWidget
{
public:
    explicit Gutter(JsonEditor *editor)
        : QWidget(editor)
        , m_editor(editor)
    {
    }

protected:
    void paintEvent(QPaintEvent *event) override { m_editor->paintGutter(event); }

private:
    JsonEditor *m_editor;
};

JsonEditor::JsonEditor(QWidget *parent)
    : QPlainTextEdit(parent)
    , m_highlighter(new JsonHighlighter(document()))
    , m_gutter(new Gutter(this))
{
    setFrameShape(QFrame::NoFrame);
    setTabChangesFocus(true);
    QFont fixed = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    fixed.setStyleHint(QFont::Monospace);
    setFont(fixed);
    document()->setDocumentMargin(space::kSmall);
    setWrapping(false);
    connect(this, &QPlainTextEdit::blockCountChanged, this, &JsonEditor::placeGutter);
    connect(this, &QPlainTextEdit::updateRequest, this, [this](const QRect &rect, int scrolled) {
        if (scrolled != 0)
            m_gutter->scroll(0, scrolled);
        else
            m_gutter->update(0, rect.y(), m_gutter->width(), rect.height());
    });
    connect(this, &QPlainTextEdit::cursorPositionChanged, this, &JsonEditor::updateSelections);
    placeGutter();
}

QByteArray JsonEditor::json() const
{
    return fromEditorText(document()->toRawText());
}

void JsonEditor::replaceText(const QString &text)
{
    QTextCursor cursor(document());
    cursor.beginEditBlock();
    cursor.select(QTextCursor::Document);
    cursor.insertText(text);
    cursor.endEditBlock();
    moveCursor(QTextCursor::Start);
}

void JsonEditor::setHighlighting(bool isOn)
{
    m_highlighter->setActive(isOn);
}

void JsonEditor::setWrapping(bool isOn)
{
    // Wrapping at words takes minutes for a line of a megabyte; wrapping anywhere does not.
    setWordWrapMode(isOn ? QTextOption::WrapAnywhere : QTextOption::NoWrap);
    setLineWrapMode(isOn ? WidgetWidth : NoWrap);
}

void JsonEditor::setLineNumbers(bool isOn)
{
    m_hasLineNumbers = isOn;
    placeGutter();
}

void JsonEditor::markFaultyLine(int line)
{
    if (line == m_faultyLine)
        return;
    m_faultyLine = line;
    updateSelections();
    m_gutter->update();
}

void JsonEditor::goTo(int line, int column)
{
    const QTextBlock block = document()->findBlockByNumber(line - 1);
    if (!block.isValid())
        return;
    QTextCursor cursor(block);
    cursor.movePosition(QTextCursor::NextCharacter, QTextCursor::MoveAnchor,
                        std::min(column - 1, block.length() - 1));
    setTextCursor(cursor);
    centerCursor();
    setFocus();
}

/// Text is taken plain, and a long line is laid out first where it is JSON, since the editor
/// cannot lay out a line of a megabyte in good time.
void JsonEditor::insertFromMimeData(const QMimeData *source)
{
    if (!source->hasText())
        return;
    const QByteArray text = source->text().toUtf8();
    const bool isLong = longestLine(text) > kLineBytesMax && text.size() <= kEditBytesMax;
    const bool canLayOut = isLong && !findJsonFault(text);
    textCursor().insertText(toEditorText(canLayOut ? prettyJson(text) : text));
    ensureCursorVisible();
}

void JsonEditor::updateSelections()
{
    QList<QTextEdit::ExtraSelection> selections;
    const auto add = [&](const QTextCursor &cursor, const QColor &colour) {
        QTextEdit::ExtraSelection selection;
        selection.cursor = cursor;
        selection.cursor.clearSelection();
        selection.format.setBackground(colour);
        selection.format.setProperty(QTextFormat::FullWidthSelection, true);
        selections.append(selection);
    };
    if (!isReadOnly())
        add(textCursor(), tokens().raised);
    const QTextBlock faulty = document()->findBlockByNumber(m_faultyLine - 1);
    if (m_faultyLine > 0 && faulty.isValid())
        add(QTextCursor(faulty), tokens().badTint);
    setExtraSelections(selections);
}

int JsonEditor::gutterWidth() const
{
    if (!m_hasLineNumbers)
        return 0;
    const auto digits = std::max<qsizetype>(QByteArray::number(blockCount()).size(), 2);
    return static_cast<int>(digits) * fontMetrics().horizontalAdvance(QLatin1Char('9')) +
           2 * space::kMedium;
}

void JsonEditor::placeGutter()
{
    setViewportMargins(gutterWidth(), 0, 0, 0);
    const QRect area = viewport()->geometry();
    m_gutter->setGeometry(area.left() - gutterWidth(), area.top(), gutterWidth(), area.height());
}

void JsonEditor::paintGutter(QPaintEvent *event)
{
    QPainter painter(m_gutter);
    painter.setFont(font());
    painter.fillRect(event->rect(), tokens().surface);
    painter.fillRect(QRect(m_gutter->width() - 1, event->rect().top(), 1, event->rect().height()),
                     tokens().border);
    QTextBlock block = firstVisibleBlock();
    QRectF box = blockBoundingGeometry(block).translated(contentOffset());
    while (block.isValid() && box.top() <= event->rect().bottom()) {
        const int number = block.blockNumber() + 1;
        if (block.isVisible() && box.bottom() >= event->rect().top()) {
            painter.setPen(number == m_faultyLine ? tokens().bad : tokens().muted);
            painter.drawText(
                QRectF(0, box.top(), m_gutter->width() - space::kMedium, fontMetrics().height()),
                Qt::AlignRight, QString::number(number));
        }
        block = block.next();
        box = blockBoundingGeometry(block).translated(contentOffset());
    }
}

void JsonEditor::resizeEvent(QResizeEvent *event)
{
    QPlainTextEdit::resizeEvent(event);
    placeGutter();
}

void JsonEditor::changeEvent(QEvent *event)
{
    QPlainTextEdit::changeEvent(event);
    if (event->type() != QEvent::PaletteChange || !m_gutter)
        return;
    m_highlighter->rehighlight();
    updateSelections();
}

} // namespace dynakv::admin
