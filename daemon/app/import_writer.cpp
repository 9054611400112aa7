// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/import_writer.h"

#include <algorithm>
#include <utility>

namespace dynakv::app {
namespace {

/// Each has six connections and a thread of its own for them.
constexpr int kClients = 4;
constexpr int kInFlightMax = 64;
constexpr qint64 kBytesInFlightMax = qint64{32} << 20;
/// Lines that are done behind one that is not; there are no values in them any more.
constexpr std::size_t kSlotsMax = 4096;
/// The node itself answers after three seconds; the rest is for large values on a slow line.
constexpr int kSilenceMs = 30'000;

constexpr int kBadRequest = 400;
constexpr int kConflict = 409;
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
    , m_doneLine(begin.line)
    , m_counts(begin.counts)
{
    for (int i = 0; i < kClients; ++i) {
        auto client = std::make_unique<client::RestClient>(std::vector<base::Endpoint>{target});
        client->setFailover(false);
        client->setSilenceTimeoutMs(kSilenceMs);
        m_clients.push_back(std::move(client));
    }
    m_elapsed.start();
    m_pauseTimer.setSingleShot(true);
    connect(&m_pauseTimer, &QTimer::timeout, this, &ImportWriter::sendAgain);
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
    send(m_doneLine + static_cast<qint64>(m_slots.size()));
}

void ImportWriter::send(qint64 line)
{
    const ExportRecord &record = slot(line).record;
    const qint64 wallMs = m_wallMs();
    if (record.expiresAtMs && *record.expiresAtMs <= wallMs) {
        close(line, Outcome::Expired);
        return;
    }
    client::Value value;
    value.bytes = record.value;
    value.isRaw = !record.contentType.isEmpty();
    value.contentType = record.contentType;
    value.ttlSeconds = ttlSeconds(record, wallMs);
    ++m_inFlight;
    client::RestClient &client = *m_clients[m_nextClient++ % m_clients.size()];
    const auto done = [this, line](const client::Answer<client::Receipt> &answer) {
        --m_inFlight;
        take(line, answer);
        Q_EMIT progressed();
    };
    if (m_mode == ImportMode::Overwrite)
        client.put(record.key, value, this, done);
    else
        client.create(record.key, value, this, done);
}

void ImportWriter::take(qint64 line, const client::Answer<client::Receipt> &answer)
{
    if (answer.ok()) {
        m_pause.succeeded();
        close(line, Outcome::Written);
        return;
    }
    switch (answer.failure.problem.status) {
    case kUnavailable:
        tryAgain(line, answer.failure);
        return;
    case kConflict:
        m_pause.succeeded();
        close(line, Outcome::Existing);
        return;
    case kBadRequest:
    case kTooLarge:
    case kUnsupportedType:
        Q_EMIT recordRefused(line, slot(line).record.key, answer.failure.message);
        close(line, Outcome::Failed);
        return;
    default:
        // Not about this record: the next ones would fare no better.
        stop(answer.failure.message);
    }
}

void ImportWriter::tryAgain(qint64 line, const client::Failure &failure)
{
    if (!m_stopReason.isEmpty())
        return;
    m_again.push_back(line);
    if (m_pauseTimer.isActive())
        return;
    const auto pauseMs = m_pause.refused(failure.retryAfterSeconds, m_elapsed.elapsed());
    if (pauseMs)
        m_pauseTimer.start(*pauseMs);
    else
        stop(failure.message);
}

void ImportWriter::sendAgain()
{
    for (const qint64 line : std::exchange(m_again, {}))
        send(line);
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
}

} // namespace dynakv::app
