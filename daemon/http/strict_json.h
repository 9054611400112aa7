// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

#include <optional>
#include <vector>

namespace dynakv::http {

inline constexpr int kJsonDepthMax = 64;

/// What the body of a PUT says: the exact text of its member `value`, without the white space
/// around it, and what else of it we know. Other members are ignored, but must be sound.
struct PutEnvelope
{
    QByteArray value = {};
    std::optional<QByteArray> ttl = {}; ///< The text of the number.
};

/// A member of an object: its name, decoded, and its value as it stands in the source.
struct JsonMember
{
    QByteArray name = {};     ///< May point into what was parsed, as does
    QByteArrayView text = {}; ///< this.
};

/// Reads \a text as one object by RFC 8259 to the letter, so that what is stored means one thing
/// to every reader: no byte order mark, UTF-8 without overlong forms or surrogates, no lone
/// surrogate escapes, no control characters in strings, no member twice in one object, values at
/// most kJsonDepthMax deep, nothing after the end. Numbers keep their text; one beyond the range of
/// a double is refused, since most readers would make it infinite.
base::Result<std::vector<JsonMember>> parseJsonObject(QByteArrayView text);

/// The bytes of a value that parseJsonObject() gave, if it is a string.
std::optional<QByteArray> fromJsonString(QByteArrayView text);

/// The body of a PUT, read by parseJsonObject().
base::Result<PutEnvelope> parsePutBody(const QByteArray &body);

/// \a text as a JSON string with its quotes. \a text must be valid UTF-8.
QByteArray toJsonString(QByteArrayView text);

} // namespace dynakv::http
