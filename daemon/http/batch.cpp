// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/batch.h"

#include "daemon/http/key_view.h"
#include "daemon/http/strict_json.h"
#include "daemon/http/write_reply.h"
#include "shared/base/limits.h"

#include <set>
#include <utility>

namespace dynakv::http {
namespace {

using Op = BatchLine::Op;
using Status = core::WriteOutcome::Status;

/// `{"key":...,"status":...`, and what comes behind a status is the caller's.
void appendHead(QByteArray &json, const QByteArray &key, int status)
{
    json.append('{');
    if (!key.isEmpty()) {
        appendKey(json, key);
        json.append(',');
    }
    json.append("\"status\":").append(QByteArray::number(status));
}

void appendVersion(QByteArray &json, const core::Version &version)
{
    json.append(",\"version\":\"").append(version.toString()).append('"');
}

void appendFault(QByteArray &json, const QByteArray &key, const LineFault &fault)
{
    appendHead(json, key, fault.status);
    json.append(",\"error\":{\"code\":\"").append(fault.code);
    json.append("\",\"detail\":").append(toJsonString(fault.detail)).append('}');
}

LineFault faultOf(const core::WriteOutcome &outcome, core::Readiness readiness)
{
    WriteFailure failure = failureOf(outcome, readiness);
    return {failure.status, std::move(failure.code), std::move(failure.detail)};
}

LineFault tooMuch()
{
    return {413, "too_large", "The answer would be larger than 16 MiB; ask for this key again."};
}

} // namespace

void Batch::add(BatchLine line)
{
    Row row{std::move(line)};
    if (!row.line.fault && row.line.op == Op::Get) {
        linkWrites();
        if (const auto last = m_lastWrite.find(row.line.key); last != m_lastWrite.end())
            row.previous = last->second;
        row.found = m_read(row.line.key);
        m_readBytes += row.found ? row.found->value.size() : 0;
        if (m_readBytes > base::limits::kBatchBytesMax) {
            row.found.reset();
            row.line.fault = tooMuch();
        }
    } else if (!row.line.fault) {
        row.write = m_writeCount++;
    }
    m_rows.push_back(std::move(row));
}

void Batch::linkWrites()
{
    for (; m_linked < m_rows.size(); ++m_linked) {
        Row &row = m_rows[m_linked];
        if (row.write == kNone)
            continue;
        const auto [last, isFirst] = m_lastWrite.try_emplace(row.line.key, m_linked);
        if (!isFirst)
            row.previous = std::exchange(last->second, m_linked);
    }
}

std::vector<core::WriteRequest> Batch::takeWrites(const core::WriteRequest &options)
{
    std::set<QByteArrayView> conditional;
    for (const Row &row : m_rows) {
        if (row.write != kNone && !row.line.condition.isEmpty())
            conditional.insert(row.line.key);
    }
    std::vector<core::WriteRequest> writes;
    writes.reserve(m_writeCount);
    for (const Row &row : m_rows) {
        if (row.write == kNone)
            continue;
        core::WriteRequest &write = writes.emplace_back(options);
        write.key = row.line.key;
        write.kind = row.line.op == Op::Put ? core::RecordKind::Value : core::RecordKind::Tombstone;
        write.value = row.line.value;
        write.contentType = row.line.contentType;
        write.ttlMs = row.line.ttlMs;
        write.condition = row.line.condition;
        // In one place for all lines of the key, so that they keep their order.
        write.isForHome = !conditional.empty() && conditional.contains(row.line.key);
    }
    return writes;
}

QByteArray Batch::answer(const std::vector<core::WriteOutcome> &outcomes,
                         core::Readiness readiness) const
{
    constexpr qsizetype kUsualLineBytes = 128;
    QByteArray json;
    json.reserve(static_cast<qsizetype>(m_rows.size()) * kUsualLineBytes);
    for (const Row &row : m_rows) {
        const qsizetype before = json.size();
        appendRow(json, row, outcomes, readiness);
        const bool isRead = row.line.op == Op::Get && !row.line.fault;
        if (isRead && json.size() > base::limits::kBatchBytesMax) {
            json.truncate(before);
            appendFault(json, row.line.key, tooMuch());
        }
        json.append("}\n");
    }
    return json;
}

void Batch::appendRow(QByteArray &json, const Row &row,
                      const std::vector<core::WriteOutcome> &outcomes,
                      core::Readiness readiness) const
{
    if (row.line.fault) {
        appendFault(json, row.line.key, *row.line.fault);
    } else if (row.line.op == Op::Get) {
        appendRead(json, row, outcomes, readiness);
    } else if (const auto &outcome = outcomes[row.write]; outcome.status == Status::Done) {
        appendHead(json, row.line.key, 200);
        appendVersion(json, outcome.version);
    } else {
        appendFault(json, row.line.key, faultOf(outcome, readiness));
        // Whoever lost learns what is there now.
        if (outcome.status == Status::ConditionFailed && outcome.existed)
            appendVersion(json, outcome.version);
    }
}

void Batch::appendRead(QByteArray &json, const Row &row,
                       const std::vector<core::WriteOutcome> &outcomes,
                       core::Readiness readiness) const
{
    const LineFault absent{404, "not_found", "There is no value under this key."};
    core::Record seen = row.found.value_or(core::Record{});
    bool isThere = row.found.has_value();
    for (std::size_t at = row.previous; at != kNone; at = m_rows[at].previous) {
        const Row &write = m_rows[at];
        const core::WriteOutcome &outcome = outcomes[write.write];
        switch (outcome.status) {
        case Status::NotReady:
        case Status::ClockOff:
        case Status::NoSpace:
        case Status::ConditionFailed:
            continue; // It changed nothing: what was there before it counts.
        case Status::TooFewReplicas:
        case Status::Failed:
            appendFault(json, row.line.key, faultOf(outcome, readiness));
            return;
        case Status::Done:
            break;
        }
        isThere = write.line.op == Op::Put;
        seen.version = outcome.version;
        seen.contentType = write.line.contentType;
        seen.value = write.line.value;
        break;
    }
    if (!isThere) {
        appendFault(json, row.line.key, absent);
        return;
    }
    appendHead(json, row.line.key, 200);
    appendVersion(json, seen.version);
    json.append(',');
    appendValue(json, seen);
}

} // namespace dynakv::http
