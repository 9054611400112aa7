// SPDX-License-Identifier: GPL-3.0-or-later

// A batch: what is accepted of a line is within the bounds, a put's value is one that a GET can
// give back, and whatever becomes of the writes, each line has one line of answer, in its place.
#include "daemon/http/batch.h"
#include "daemon/http/batch_line.h"
#include "daemon/http/key_view.h"
#include "daemon/http/strict_json.h"
#include "shared/base/limits.h"

#include <QByteArrayList>

#include <cstdint>
#include <cstdlib>
#include <map>

namespace {

using namespace dynakv;
using http::BatchLine;

constexpr qsizetype kValueBytesMax = 256;
constexpr qsizetype kLinesMax = 24; ///< More of them would only take longer.

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void checkLine(const BatchLine &line)
{
    if (line.fault) {
        require(line.fault->status >= 400 && !line.fault->code.isEmpty() &&
                !line.fault->detail.isEmpty());
        return;
    }
    require(!line.key.isEmpty() && line.key.size() <= base::limits::kKeyBytesMax);
    QByteArray named;
    http::appendKey(named, line.key);
    require(http::parseJsonObject('{' + named + '}').ok());
    const bool isPut = line.op == BatchLine::Op::Put;
    require(isPut || (line.value.isEmpty() && !line.ttlMs));
    require(line.value.size() <= kValueBytesMax);
    require(!isPut || !line.contentType.isEmpty() ||
            http::parsePutBody("{\"value\":" + line.value + '}').ok());
}

/// \a seed decides what becomes of each write.
core::WriteOutcome outcomeOf(const core::WriteRequest &write, std::size_t seed)
{
    constexpr int kinds = static_cast<int>(core::WriteOutcome::Status::ConditionFailed) + 1;
    core::WriteOutcome outcome;
    outcome.status = static_cast<core::WriteOutcome::Status>(
        (static_cast<std::size_t>(write.key[0]) + seed) % kinds);
    outcome.version = {seed + 1, 1};
    outcome.existed = seed % 2 == 0;
    outcome.detail = "why \"it\" failed\n";
    return outcome;
}

void checkAnswer(const QByteArray &json, const BatchLine &line)
{
    const auto members = http::parseJsonObject(json);
    require(members.ok());
    QByteArray told;
    bool hasStatus = false;
    bool hasError = false;
    for (const http::JsonMember &member : *members) {
        if (member.name == "key")
            told = http::fromJsonString(member.text).value_or(QByteArray());
        else if (member.name == "key_b64")
            told = QByteArray::fromBase64(http::fromJsonString(member.text).value_or(QByteArray()));
        hasStatus = hasStatus || member.name == "status";
        hasError = hasError || member.name == "error";
    }
    require(hasStatus && told == line.key && (hasError || !line.fault));
}

void checkBatch(const QByteArray &body)
{
    std::vector<BatchLine> lines;
    http::Batch batch([](const QByteArray &key) {
        std::optional<core::Record> record;
        if (key.size() % 2 == 0) {
            record.emplace();
            record->value = "1";
        }
        return record;
    });
    std::map<QByteArray, bool> conditional;
    std::size_t writeCount = 0;
    for (const QByteArray &text : body.split('\n').mid(0, kLinesMax)) {
        const BatchLine &line = lines.emplace_back(http::parseBatchLine(text, kValueBytesMax));
        checkLine(line);
        batch.add(line);
        if (line.fault || line.op == BatchLine::Op::Get)
            continue;
        ++writeCount;
        conditional[line.key] |= !line.condition.isEmpty();
    }
    const std::vector<core::WriteRequest> writes = batch.takeWrites({});
    require(writes.size() == writeCount && batch.hasWrites() == (writeCount != 0));
    std::vector<core::WriteOutcome> outcomes;
    for (const core::WriteRequest &write : writes) {
        // All of a key go one way, so that they keep their order.
        require(write.isForHome == conditional[write.key]);
        outcomes.push_back(outcomeOf(write, outcomes.size()));
    }
    const QByteArray answer = batch.answer(outcomes, core::Readiness::Ready);
    require(answer.endsWith('\n'));
    const QByteArrayList answers = answer.chopped(1).split('\n');
    require(static_cast<std::size_t>(answers.size()) == lines.size());
    for (qsizetype i = 0; i < answers.size(); ++i)
        checkAnswer(answers[i], lines[static_cast<std::size_t>(i)]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    checkBatch(QByteArray(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size)));
    return 0;
}
