// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

#include <functional>
#include <optional>

namespace dynakv::app {

/// Cuts a stream of bytes into lines of bounded length; holds one line and one piece of the stream.
class LineReader
{
public:
    /// Gives the next bytes, at most as many as asked for and none at the end; may block.
    using Source = std::function<base::Result<QByteArray>(qint64 bytesMax)>;

    struct Line
    {
        QByteArrayView text = {}; ///< Without its end; valid until the next call.
        bool isWhole = true;      ///< False for bytes after the last line end.
    };

    LineReader(Source source, qsizetype lineBytesMax)
        : m_source(std::move(source))
        , m_lineBytesMax(lineBytesMax)
    {
    }

    /// Nothing at the end. Invalid where a line is too long; the error begins with its number.
    base::Result<std::optional<Line>> next();
    /// Whether next() would give a line without asking the source.
    [[nodiscard]] bool hasBuffered() const { return m_buffer.indexOf('\n', m_begin) >= 0; }
    /// Lines given so far, and where the last whole one of them ended.
    [[nodiscard]] qint64 lines() const { return m_lines; }
    [[nodiscard]] qint64 offset() const { return m_offset; }

private:
    std::optional<Line> take(qsizetype end, bool isWhole);

    Source m_source;
    qsizetype m_lineBytesMax;
    QByteArray m_buffer = {};
    qsizetype m_begin = 0; ///< Of what was not given yet.
    bool m_isOver = false;
    qint64 m_lines = 0;
    qint64 m_offset = 0;
};

} // namespace dynakv::app
