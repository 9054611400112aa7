// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

namespace dynakv::http {

/// The parameters of a request, percent-decoded once to bytes; `+` stays, as in keys.
class Query
{
public:
    /// Invalid where a parameter stands twice or a `%` is malformed.
    static base::Result<Query> parse(QByteArrayView text);

    /// The first parameter that is none of \a known: what a handler refuses, so that a typing error
    /// or an option of a later version is never silently without effect.
    [[nodiscard]] std::optional<QByteArray>
    unknown(std::initializer_list<const char *> known) const;

    [[nodiscard]] std::optional<QByteArray> value(const char *name) const;
    [[nodiscard]] bool has(const char *name) const { return value(name).has_value(); }
    /// False where it is absent; `?name`, `=true` and `=1` are true, `=false` and `=0` false.
    [[nodiscard]] base::Result<bool> flag(const char *name) const;
    /// A decimal number between the bounds, \a absent where there is none.
    [[nodiscard]] base::Result<qint64> number(const char *name, qint64 absent, qint64 least,
                                              qint64 most) const;

private:
    std::vector<std::pair<QByteArray, QByteArray>> m_parameters = {};
};

/// A plain decimal number: digits only, at most 18 of them.
std::optional<qint64> decimalFrom(QByteArrayView text);

} // namespace dynakv::http
