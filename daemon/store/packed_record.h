// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"

#include <QByteArrayView>

#include <memory>

namespace dynakv::store {

/// One record in one allocation: 24 bytes of fixed fields, what of the optional ones it has, and
/// its byte strings behind them. Ten million of them are held, so every byte here counts.
///
/// Immutable once packed, so any thread may read it for as long as it keeps it alive.
class PackedRecord
{
public:
    struct Deleter
    {
        void operator()(PackedRecord *record) const;
    };
    using Owner = std::unique_ptr<PackedRecord, Deleter>;

    /// \a record must be within the limits of shared/base/limits.h.
    static Owner pack(const core::RecordView &record, quint64 contentHash);
    /// Valid for as long as this record.
    [[nodiscard]] core::RecordView view() const;

    [[nodiscard]] QByteArrayView key() const;
    [[nodiscard]] core::RecordKind kind() const;
    [[nodiscard]] core::Version version() const { return {m_clock, m_node}; }
    [[nodiscard]] qint64 valueBytes() const { return m_valueBytes; }
    [[nodiscard]] qint64 expiresAtMs() const;
    /// Kept for large records, computed for small ones: cheaper than eight bytes in each.
    [[nodiscard]] quint64 contentHash() const;
    [[nodiscard]] core::Stamp stamp() const { return {version(), contentHash()}; }
    [[nodiscard]] bool isLive(qint64 wallMs) const;

private:
    PackedRecord() = default;
    ~PackedRecord() = default;

    /// The fields behind the fixed ones, in their order; the views are empty where one is absent.
    struct Tail
    {
        qint64 expiresAtMs = 0;
        quint64 contentHash = 0;
        QByteArrayView key = {};
        QByteArrayView contentType = {};
        QByteArrayView context = {};
        QByteArrayView value = {};
    };
    [[nodiscard]] Tail tail() const;
    [[nodiscard]] bool has(quint8 flag) const { return (m_flags & flag) != 0; }

    quint64 m_clock = 0;
    quint64 m_node = 0;
    quint32 m_valueBytes = 0;
    quint16 m_keyBytes = 0;
    quint8 m_contentTypeBytes = 0;
    quint8 m_flags = 0;
};

} // namespace dynakv::store
