// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <optional>

namespace dynakv::app {

/// What a long command tells about its way, as bytes for standard error: on a terminal one line
/// that is written over, else whole lines; never more than four a second. Pure: time is an
/// argument.
class ProgressMeter
{
public:
    /// \a verb begins the line: `exported`.
    ProgressMeter(QByteArray verb, bool isTerminal)
        : m_verb(std::move(verb))
        , m_isTerminal(isTerminal)
    {
    }

    /// \a done keys of \a total; 0: not known. What to write now, or nothing.
    std::optional<QByteArray> update(qint64 done, qint64 total, qint64 nowMs);
    /// Takes the line off a terminal again, so that what is written next stands alone.
    [[nodiscard]] QByteArray end();

private:
    QByteArray m_verb;
    bool m_isTerminal;
    bool m_isLineOpen = false;
    std::optional<qint64> m_startMs = {};
    qint64 m_startDone = 0;
    qint64 m_lastMs = 0;
};

} // namespace dynakv::app
