// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"
#include "daemon/http/http_message.h"

#include <optional>

namespace dynakv::http {

struct KeyViewOptions
{
    bool asBytes = false;
    bool withMeta = false;
};

/// The answer to a GET of one key. \a record is the live one, or null where there is none.
HttpReply keyReply(const HttpRequest &request, const core::Record *record, KeyViewOptions options);

/// Adds the members that tell a value in JSON: `"value":` with the exact text, or with base64 and
/// the members `encoding` and `content_type` where it is raw bytes.
void appendValue(QByteArray &json, const core::Record &record);

/// Whether an Accept field asks for bytes rather than for JSON.
bool prefersBytes(QByteArrayView accept);

/// `type/subtype` with any parameters, of bytes that may stand in a field.
bool isMediaType(QByteArrayView text);

} // namespace dynakv::http
