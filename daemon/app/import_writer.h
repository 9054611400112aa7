// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/export_line.h"
#include "daemon/app/import_progress.h"
#include "daemon/app/retry_pause.h"
#include "shared/client/rest_client.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <deque>
#include <functional>
#include <vector>

namespace dynakv::app {

/// Writes records through REST in batches, with a bounded number of requests, and of bytes, on
/// their way at once, and knows up to which line all are done. A record that cannot stand in a
/// batch goes by itself. A node that says "not now" is left alone for a while, as RetryPause has
/// it. Records come in the order of their lines, without a gap; those of one key may be written in
/// any.
///
/// Thread: one, whose event loop runs.
class ImportWriter final : public QObject
{
    Q_OBJECT
public:
    /// Lines up to \a begin.line are done already. \a wallMs, Unix ms, decides what has expired.
    ImportWriter(const base::Endpoint &target, ImportMode mode, const ImportProgress &begin,
                 std::function<qint64()> wallMs);
    ~ImportWriter() override;

    [[nodiscard]] bool hasRoom() const;
    /// The record of the line after the last one.
    void add(ExportRecord record);
    /// Sends nothing any more; what is on its way ends. \a why is kept unless there is one already.
    void stop(const QByteArray &why);

    [[nodiscard]] bool isIdle() const
    {
        return m_inFlight == 0 && m_again.empty() && m_collected.isEmpty();
    }
    [[nodiscard]] const QByteArray &stopReason() const { return m_stopReason; }
    [[nodiscard]] qint64 doneLine() const { return m_doneLine; }
    [[nodiscard]] const ImportCounts &counts() const { return m_counts; } ///< Up to that line.

Q_SIGNALS:
    /// Something was answered: there may be room, or nothing left to wait for.
    void progressed();
    void recordRefused(qint64 line, const QByteArray &key, const QByteArray &why);

private:
    enum class Outcome : quint8 { Open, Written, Existing, Expired, Failed };
    struct Slot
    {
        ExportRecord record = {};
        Outcome outcome = Outcome::Open;
    };

    Slot &slot(qint64 line);
    void collect(qint64 line);
    void sendAlone(qint64 line, const client::Value &value);
    void sendCollected();
    void take(const std::vector<qint64> &lines,
              const client::Answer<std::vector<client::LineAnswer>> &answer);
    void settle(qint64 line, const client::LineAnswer &answer, int retryAfterSeconds);
    void tryAgain(qint64 line, const QByteArray &why, int retryAfterSeconds);
    void sendAgain();
    void close(qint64 line, Outcome outcome);

    const ImportMode m_mode;
    std::function<qint64()> m_wallMs;
    client::RestClient m_client;
    std::deque<Slot> m_slots; ///< The lines after m_doneLine.
    qint64 m_doneLine = 0;
    ImportCounts m_counts = {};
    QByteArray m_collected = {}; ///< The batch that goes next,
    std::vector<qint64> m_collectedLines = {};
    QTimer m_collectTimer; ///< and when: as soon as nobody adds to it any more.
    int m_inFlight = 0;
    qint64 m_bytesInFlight = 0;  ///< Of all values that are held.
    std::vector<qint64> m_again; ///< Lines that wait for the end of the pause.
    RetryPause m_pause;
    QTimer m_pauseTimer;
    QElapsedTimer m_elapsed;
    QByteArray m_stopReason = {};
};

} // namespace dynakv::app
