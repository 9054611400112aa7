// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

namespace dynakv::base::api {

/// Unix milliseconds as RFC 3339 in UTC, always with three digits of milliseconds:
/// `2026-01-31T23:59:59.999Z`. Times outside of the years 1970 to 9999 are held at those bounds.
QByteArray toTimestamp(qint64 unixMs);

/// Any RFC 3339 timestamp, with an offset and up to nine digits of fraction (cut to milliseconds).
Result<qint64> timestampFromText(QByteArrayView text);

} // namespace dynakv::base::api
