// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QJsonObject>

/// How keys, which are bytes, stand in JSON and in request targets.
namespace dynakv::base::api {

/// Whether \a bytes is well-formed UTF-8 (no surrogates, no overlong forms).
bool isUtf8(QByteArrayView bytes);

/// Whether \a bytes stand in JSON as text: well-formed UTF-8 that every parser keeps as it is.
bool isPlainText(QByteArrayView bytes);

/// Adds \a bytes as text under \a name, or as base64 under `<name>_b64` where they are not valid
/// UTF-8.
void putBytes(QJsonObject &object, QLatin1String name, const QByteArray &bytes);
/// What putBytes() wrote. Invalid where neither member is there or the base64 is malformed.
Result<QByteArray> takeBytes(const QJsonObject &object, QLatin1String name);

/// Adds `"key"`, or `"key_b64"` (base64) where the key is not valid UTF-8.
void putKey(QJsonObject &object, const QByteArray &key);
/// The key that putKey() wrote. Invalid where neither member is there or the base64 is malformed.
Result<QByteArray> takeKey(const QJsonObject &object);

/// \a key as it stands after `/key/` in a request target: everything but unreserved characters
/// percent-encoded, `/` too, so that no client or proxy folds `//` or `..`.
QByteArray toTargetSegment(const QByteArray &key);

/// Percent-decodes once, to bytes; `+` stays. Invalid where a `%` is not followed by two hex
/// digits.
Result<QByteArray> percentDecoded(QByteArrayView text);

} // namespace dynakv::base::api
