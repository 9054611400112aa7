// SPDX-License-Identifier: GPL-3.0-or-later

// What the client takes out of answers, and the batch lines that it sends: slices agree with the
// parser of the daemon wherever that takes the text, no answer makes a reader fall over, and a line
// says to the daemon what the client meant.
#include "daemon/http/batch_line.h"
#include "daemon/http/key_view.h"
#include "daemon/http/strict_json.h"
#include "shared/base/limits.h"
#include "shared/client/answer_reader.h"
#include "shared/client/batch_line.h"
#include "shared/client/json_slice.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace dynakv;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

/// A name that stands in the source as it is: the only kind that the client looks for.
bool isPlain(const QByteArray &name)
{
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return (c >= '#' && c <= '[') || (c >= ']' && c <= '~'); });
}

void checkMembers(const QByteArray &text)
{
    const auto members = http::parseJsonObject(text);
    if (!members)
        return;
    require(client::isOneValue(text));
    for (const http::JsonMember &member : *members) {
        require(client::isOneValue(member.text));
        // Escapes may make one name look like another; then the first that looks so is found.
        if (!isPlain(member.name) || text.contains('\\'))
            continue;
        const auto found = client::memberText(text, member.name);
        require(found && *found == member.text);
    }
}

void checkElements(const QByteArray &text)
{
    if (!http::parseJsonObject("{\"a\":" + text + '}'))
        return;
    const auto elements = client::elementTexts(text);
    require(elements.has_value() == text.trimmed().startsWith('['));
    if (!elements)
        return;
    QByteArray joined;
    for (const QByteArrayView element : *elements) {
        require(client::isOneValue(element));
        joined.append(joined.isEmpty() ? "" : ",").append(element);
    }
    joined = '[' + joined + ']';
    const auto again = client::elementTexts(joined);
    require(again && *again == *elements);
}

void checkReaders(const QByteArray &text)
{
    client::Exchange exchange;
    exchange.status = 200;
    exchange.body = text;
    exchange.etag = text.left(40);
    (void)client::readCluster(exchange);
    (void)client::readReceipt(exchange);
    (void)client::readVersion(exchange);
    (void)client::readLines(exchange);
    if (const auto value = client::readValue(exchange); value && !value->isRaw)
        require(client::isOneValue(value->bytes));
    const auto page = client::readPage(exchange);
    const auto withValues = client::readValuePage(exchange);
    if (page && withValues)
        require(page->keys.size() == withValues->keys.size() && page->next == withValues->next);
}

/// The client may refuse to send a value; what it sends the daemon takes for what it is.
void checkLine(const QByteArray &key, const client::Value &value)
{
    const auto line = client::batchLine(key, value, false);
    if (!line)
        return;
    require(line->endsWith('\n') && line->count('\n') == 1);
    if (!value.isRaw && !http::parsePutBody("{\"value\":" + value.bytes + '}'))
        return;
    const http::BatchLine read =
        http::parseBatchLine(QByteArrayView(*line).chopped(1), base::limits::kBatchBytesMax);
    require(!read.fault && read.op == http::BatchLine::Op::Put && read.key == key);
    // Around a value there may be space, which is none of it.
    require(read.value == (value.isRaw ? value.bytes : value.bytes.trimmed()));
    require(read.contentType.isEmpty() != value.isRaw);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray text(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    checkMembers(text);
    checkElements(text);
    checkReaders(text);
    const QByteArray key = text.isEmpty() ? QByteArray("k") : text.right(1024);
    checkLine(key, {text, false, {}, {}});
    checkLine(key, {text, true, http::isMediaType(key) ? key : QByteArray(), {}});
    return 0;
}
