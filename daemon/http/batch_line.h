// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/write_condition.h"

#include <QByteArray>

#include <optional>

namespace dynakv::http {

/// Why one line of a batch is not carried out, or what became of it otherwise than asked.
struct LineFault
{
    int status = 400;
    QByteArray code = {};
    QByteArray detail = {};
    bool operator==(const LineFault &) const = default;
};

/// One line of `POST /v1/batch`, checked: what it asks for, or why it is refused.
struct BatchLine
{
    enum class Op : quint8 { Put, Get, Delete };

    Op op = Op::Get;
    QByteArray key = {};         ///< 1 to 1024 bytes; of a refused line, if it could be read.
    QByteArray value = {};       ///< Of a put: the exact JSON text, or
    QByteArray contentType = {}; ///< raw bytes of this type.
    std::optional<qint64> ttlMs = {};
    core::WriteCondition condition = {};
    std::optional<LineFault> fault = {};
};

/// Reads \a text, one line without its end, by parseJsonObject(). Members that are not known, or do
/// not belong to the operation, refuse the line: an option is never silently without effect.
BatchLine parseBatchLine(QByteArrayView text, qsizetype valueBytesMax);

} // namespace dynakv::http
