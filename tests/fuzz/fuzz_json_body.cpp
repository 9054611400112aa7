// SPDX-License-Identifier: GPL-3.0-or-later

// The body of a PUT: what is accepted is a value whose text, put into an envelope again, is the
// same value, so that a GET's answer can always be a PUT's body.
#include "daemon/http/strict_json.h"
#include "shared/base/api/key_text.h"

#include <QJsonDocument>

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    using namespace dynakv;
    const QByteArray body(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    const auto envelope = http::parsePutBody(body);
    if (!envelope)
        return 0;
    const auto again = http::parsePutBody("{\"value\":" + envelope->value + "}");
    if (!again || again->value != envelope->value || !base::api::isUtf8(envelope->value))
        std::abort();
    // A second parser must agree that it is JSON. It takes no number smaller than a double can be,
    // which is sound all the same.
    QJsonParseError error;
    const bool isObject = QJsonDocument::fromJson(body, &error).isObject();
    if (!isObject && error.error != QJsonParseError::IllegalNumber)
        std::abort();
    return 0;
}
