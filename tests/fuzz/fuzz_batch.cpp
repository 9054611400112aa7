// SPDX-License-Identifier: GPL-3.0-or-later

// The lines of a batch: what is accepted is within the bounds, and a put's value is one that a GET
// can give back.
#include "daemon/http/batch_line.h"
#include "daemon/http/key_view.h"
#include "daemon/http/strict_json.h"
#include "shared/base/limits.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    using namespace dynakv;
    constexpr qsizetype valueBytesMax = 256;
    const QByteArray text(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    const http::BatchLine line = http::parseBatchLine(text, valueBytesMax);
    if (line.fault) {
        if (line.fault->status < 400 || line.fault->code.isEmpty() || line.fault->detail.isEmpty())
            std::abort();
        return 0;
    }
    if (line.key.isEmpty() || line.key.size() > base::limits::kKeyBytesMax)
        std::abort();
    QByteArray named;
    http::appendKey(named, line.key);
    if (!http::parseJsonObject('{' + named + '}'))
        std::abort();
    const bool isPut = line.op == http::BatchLine::Op::Put;
    if (!isPut && (!line.value.isEmpty() || line.ttlMs))
        std::abort();
    if (line.value.size() > valueBytesMax)
        std::abort();
    if (isPut && line.contentType.isEmpty() &&
        !http::parsePutBody("{\"value\":" + line.value + '}'))
        std::abort();
    return 0;
}
