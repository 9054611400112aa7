// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/answer.h"

#include <QString>

namespace dynakv::admin {

/// How a value is laid out for the editor, so that no value can freeze the window: a text widget
/// needs minutes to lay out a line of a megabyte.
struct ValueView
{
    enum class Form : quint8 {
        Json,     ///< The whole JSON text, safe to edit.
        JsonPart, ///< The beginning of a JSON text, or one with lines cut for display. Read only.
        Text,     ///< Raw bytes that are text. Read only.
        Hex,      ///< Raw bytes as a hex dump. Read only.
    };

    Form form = Form::Json;
    QString text = {};
    bool isReformatted = false; ///< Laid out in lines, unlike what is stored.
    bool isPart = false;        ///< Only the beginning is shown.
    bool canShowMore = false;   ///< viewOf() with wholeValue shows more.
    bool hasCutLines = false;   ///< Line breaks were put into long lines.

    [[nodiscard]] bool isEditable() const { return form == Form::Json; }
};

inline constexpr qsizetype kPreviewBytes = qsizetype{256} << 10;
inline constexpr qsizetype kEditBytesMax = qsizetype{4} << 20;
inline constexpr qsizetype kLineBytesMax = 4096;

/// Up to kPreviewBytes of \a value, or up to kEditBytesMax with \a wholeValue.
ValueView viewOf(const client::Value &value, bool wholeValue);

/// UTF-8 as the editor may show it: characters that Qt's text document takes for line breaks or
/// keeps for itself are written as JSON escapes, which mean the same inside of a JSON text.
QString toEditorText(QByteArrayView json);
/// What toEditorText() and a person's editing made, back as UTF-8. \a rawText is the document's raw
/// text, in which paragraphs stand for lines and no-break spaces are kept.
QByteArray fromEditorText(QString rawText);

} // namespace dynakv::admin
