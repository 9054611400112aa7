// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QJsonArray>
#include <QJsonObject>

#include <optional>

namespace dynakv::base::api {

/// Reads the members of one JSON object and remembers the first one that is missing or has another
/// type than the API says, so that a whole document is judged once, at its end.
/// \a object must outlive the reader.
class JsonReader
{
public:
    JsonReader(const QJsonObject &object, const char *what)
        : m_object(object)
        , m_what(what)
    {
    }

    QByteArray text(const char *name);
    /// Empty where the member is absent.
    QByteArray optionalText(const char *name);
    std::optional<qint64> optionalInteger(const char *name);
    qint64 integer(const char *name);
    std::optional<double> optionalNumber(const char *name);
    /// False where the member is absent.
    bool optionalFlag(const char *name);
    /// Unix ms of an RFC 3339 timestamp.
    qint64 timestamp(const char *name);
    std::optional<qint64> optionalTimestamp(const char *name);
    QJsonArray array(const char *name);

    [[nodiscard]] bool ok() const { return m_fault.isEmpty(); }
    [[nodiscard]] Error error() const { return {ErrorCode::Invalid, m_fault}; }

private:
    /// The member, or Undefined. A JSON null counts as absent.
    QJsonValue member(const char *name) const;
    void fail(const char *name, const char *expected);

    const QJsonObject &m_object;
    const char *m_what;
    QByteArray m_fault = {};
};

} // namespace dynakv::base::api
