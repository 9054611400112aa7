// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/line_reader.h"

namespace dynakv::app {
namespace {

constexpr qint64 kPieceBytes = qint64{1} << 20;

} // namespace

std::optional<LineReader::Line> LineReader::take(qsizetype end, bool isWhole)
{
    const Line line{QByteArrayView(m_buffer).sliced(m_begin, end - m_begin), isWhole};
    m_begin = isWhole ? end + 1 : end;
    ++m_lines;
    if (isWhole)
        m_offset += line.text.size() + 1;
    return line;
}

base::Result<std::optional<LineReader::Line>> LineReader::next()
{
    qsizetype searched = m_begin;
    while (true) {
        const qsizetype end = m_buffer.indexOf('\n', searched);
        const qsizetype length = (end < 0 ? m_buffer.size() : end) - m_begin;
        if (length > m_lineBytesMax)
            return {base::ErrorCode::Invalid, "line " + QByteArray::number(m_lines + 1) +
                                                  ": it has more than " +
                                                  QByteArray::number(m_lineBytesMax) + " bytes"};
        if (end >= 0)
            return take(end, true);
        if (m_isOver)
            return length > 0 ? take(m_buffer.size(), false) : std::nullopt;
        auto piece = m_source(kPieceBytes);
        if (!piece)
            return piece.error();
        m_isOver = piece->isEmpty();
        m_buffer.remove(0, m_begin);
        m_begin = 0;
        searched = m_buffer.size();
        m_buffer.append(*piece);
    }
}

} // namespace dynakv::app
