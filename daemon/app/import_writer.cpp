// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/import_writer.h"

#include "shared/client/batch_line.h"

#include <algorithm>
#include <utility>

namespace dynakv::app {
namespace {

/// One that the node makes durable, one that waits for that, and what is on the wire.
constexpr int kInFlightMax = 4;
constexpr qint64 kBytesInFlightMax = qint64{32} << 20;
/// What a node stamps in one turn.
constexpr std::size_t kBatchLines = 1000;
constexpr qsizetype kBatchBytes = qsizetype{1} << 20;
/// Lines that are done behind one that is not; there are no values in them any more.
constexpr std::size_t kSlotsMax = 16'384;
/// The node itself answers after three seconds; the rest is for large values on a slow line.
constexpr int kSilenceMs = 30'000;

constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kPreconditionFailed = 412;
constexpr int kTooLarge = 413;
constexpr int kUnsupportedType = 415;
constexpr int kUnavailable = 503;

/// Whole seconds, since that is what a request can say; a record lives rather a moment longer than
/// shorter.
qint64 ttlSeconds(const ExportRecord &record, qint64 wallMs)
{
    return record.expiresAtMs ? (*record.expiresAtMs - wallMs + 999) / 1000 : 0;
}

} // namespace

ImportWriter::ImportWriter(const base::Endpoint &target, ImportMode mode,
                           const ImportProgress &begin, std::function<qint64()> wallMs)
    : m_mode(mode)
    , m_wallMs(std::move(wallMs))
    , m_client({target})
    , m_doneLine(begin.line)
    , m_counts(begin.counts)
{
    m_client.setFailover(false);
    m_client.setSilenceTimeoutMs(kSilenceMs);
    m_elapsed.start();
    m_pauseTimer.setSingleShot(true);
    connect(&m_pauseTimer, &QTimer::timeout, this, &ImportWriter::sendAgain);
    m_collectTimer.setSingleShot(true);
    connect(&m_collectTimer, &QTimer::timeout, this, &ImportWriter::sendCollected);
}

ImportWriter::~ImportWriter() = default;

bool ImportWriter::hasRoom() const
{
    return m_stopReason.isEmpty() && !m_pauseTimer.isActive() && m_inFlight < kInFlightMax &&
           m_bytesInFlight < kBytesInFlightMax && m_slots.size() < kSlotsMax;
}

ImportWriter::Slot &ImportWriter::slot(qint64 line)
{
    return m_slots[static_cast<std::size_t>(line - m_doneLine - 1)];
}

void ImportWriter::add(ExportRecord record)
{
    m_bytesInFlight += record.value.size();
    m_slots.push_back({std::move(record)});
    collect(m_doneLine + static_cast<qint64>(m_slots.size()));
}

void ImportWriter::collect(qint64 line)
{
    const ExportRecord &record = slot(line).record;
    const qint64 wallMs = m_wallMs();
    if (record.expiresAtMs && *record.expiresAtMs <= wallMs) {
        close(line, Outcome::Expired);
        return;
    }
    const client::Value value{record.value,
                              !record.contentType.isEmpty(),
                              record.contentType,
                              {},
                              ttlSeconds(record, wallMs)};
    const auto text = value.bytes.size() < kBatchBytes
                          ? client::batchLine(record.key, value, m_mode == ImportMode::OnlyMissing)
                          : std::nullopt;
    if (!text)
        return sendAlone(line, value);
    if (m_collected.size() + text->size() > kBatchBytes)
        sendCollected();
    m_collected += *text;
    m_collectedLines.push_back(line);
    if (m_collectedLines.size() >= kBatchLines)
        sendCollected();
    else
        m_collectTimer.start(0);
}

void ImportWriter::sendAlone(qint64 line, const client::Value &value)
{
    ++m_inFlight;
    const auto done = [this, line](const client::Answer<client::Receipt> &answer) {
        --m_inFlight;
        const client::Failure &failure = answer.failure;
        settle(line, {answer.ok() ? kOk : failure.problem.status, {}, failure.message},
               failure.retryAfterSeconds);
        Q_EMIT progressed();
    };
    const QByteArray &key = slot(line).record.key;
    if (m_mode == ImportMode::Overwrite)
        m_client.put(key, value, this, done);
    else
        m_client.create(key, value, this, done);
}

void ImportWriter::sendCollected()
{
    m_collectTimer.stop();
    if (m_collected.isEmpty())
        return;
    ++m_inFlight;
    m_client.batch(std::exchange(m_collected, {}), this,
                   [this, lines = std::exchange(m_collectedLines, {})](
                       const client::Answer<std::vector<client::LineAnswer>> &answer) {
                       --m_inFlight;
                       take(lines, answer);
                       Q_EMIT progressed();
                   });
}

void ImportWriter::take(const std::vector<qint64> &lines,
                        const client::Answer<std::vector<client::LineAnswer>> &answer)
{
    const client::Failure &failure = answer.failure;
    if (!answer.ok() && !answer.hasStatus(kUnavailable))
        return stop(failure.message);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        settle(lines[i],
               answer.ok() ? (*answer.value)[i]
                           : client::LineAnswer{kUnavailable, {}, failure.message},
               failure.retryAfterSeconds);
    }
}

void ImportWriter::settle(qint64 line, const client::LineAnswer &answer, int retryAfterSeconds)
{
    switch (answer.status) {
    case kOk:
        m_pause.succeeded();
        close(line, Outcome::Written);
        return;
    case kUnavailable:
        tryAgain(line, answer.detail, retryAfterSeconds);
        return;
    case kPreconditionFailed:
        m_pause.succeeded();
        close(line, Outcome::Existing);
        return;
    case kBadRequest:
    case kTooLarge:
    case kUnsupportedType:
        Q_EMIT recordRefused(line, slot(line).record.key, answer.detail);
        close(line, Outcome::Failed);
        return;
    default:
        // Not about this record: the next ones would fare no better.
        stop(answer.detail);
    }
}

void ImportWriter::tryAgain(qint64 line, const QByteArray &why, int retryAfterSeconds)
{
    if (!m_stopReason.isEmpty())
        return;
    m_again.push_back(line);
    if (m_pauseTimer.isActive())
        return;
    const auto pauseMs = m_pause.refused(retryAfterSeconds, m_elapsed.elapsed());
    if (pauseMs)
        m_pauseTimer.start(*pauseMs);
    else
        stop(why);
}

void ImportWriter::sendAgain()
{
    for (const qint64 line : std::exchange(m_again, {}))
        collect(line);
    Q_EMIT progressed();
}

void ImportWriter::close(qint64 line, Outcome outcome)
{
    Slot &closed = slot(line);
    m_bytesInFlight -= closed.record.value.size();
    closed = {{}, outcome};
    while (!m_slots.empty() && m_slots.front().outcome != Outcome::Open) {
        switch (m_slots.front().outcome) {
        case Outcome::Written:
            ++m_counts.written;
            break;
        case Outcome::Existing:
            ++m_counts.existing;
            break;
        case Outcome::Expired:
            ++m_counts.expired;
            break;
        case Outcome::Failed:
            ++m_counts.failed;
            break;
        case Outcome::Open:
            break;
        }
        m_slots.pop_front();
        ++m_doneLine;
    }
}

void ImportWriter::stop(const QByteArray &why)
{
    if (!m_stopReason.isEmpty())
        return;
    m_stopReason = why;
    m_pauseTimer.stop();
    m_again.clear();
    m_collectTimer.stop();
    m_collected.clear();
    m_collectedLines.clear();
}

} // namespace dynakv::app
