// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"
#include "daemon/store/record_pool.h"

#include <QByteArrayView>

#include <array>
#include <memory>

namespace dynakv::store {

/// One record in one block of a pool: 24 bytes of fixed fields, what of the optional ones it has,
/// and its byte strings behind them. Ten million of them are held, so every byte here counts, and
/// a block is aligned to 4 bytes only.
///
/// Immutable once packed, so any thread may read it for as long as it keeps it alive.
class PackedRecord
{
public:
    struct Deleter
    {
        void operator()(PackedRecord *record) const { record->free(*pool); }
        RecordPool *pool = nullptr;
    };
    using Owner = std::unique_ptr<PackedRecord, Deleter>;

    /// \a record must be within the limits of shared/base/limits.h.
    static PackedRecord *pack(RecordPool &pool, const core::RecordView &record,
                              quint64 contentHash);
    /// \a pool must be the one it was packed in.
    void free(RecordPool &pool);

    /// Valid for as long as this record.
    [[nodiscard]] core::RecordView view() const;

    /// The hot path of every comparison: only the fields before the key are counted.
    [[nodiscard]] QByteArrayView key() const
    {
        const int skipped =
            (has(kHasExpiry) ? 8 : 0) + (has(kHasContentHash) ? 8 : 0) + (has(kHasContext) ? 2 : 0);
        return {reinterpret_cast<const char *>(this + 1) + skipped, qsizetype{m_keyBytes}};
    }
    [[nodiscard]] core::RecordKind kind() const;
    [[nodiscard]] core::Version version() const { return {joined(m_clock), joined(m_node)}; }
    [[nodiscard]] qint64 valueBytes() const { return m_valueBytes; }
    [[nodiscard]] qint64 expiresAtMs() const;
    /// Kept for large records, computed for small ones: cheaper than eight bytes in each.
    [[nodiscard]] quint64 contentHash() const;
    [[nodiscard]] core::Stamp stamp() const { return {version(), contentHash()}; }
    [[nodiscard]] bool isLive(qint64 wallMs) const;

private:
    static constexpr quint8 kIsTombstone = 1;
    static constexpr quint8 kHasExpiry = 2;
    static constexpr quint8 kHasContext = 4;
    static constexpr quint8 kHasContentHash = 8;
    /// A quint64 would align the whole to 8 bytes.
    using Halves = std::array<quint32, 2>;
    static quint64 joined(Halves halves) { return quint64{halves[1]} << 32 | halves[0]; }
    static Halves halvesOf(quint64 number)
    {
        return {static_cast<quint32>(number), static_cast<quint32>(number >> 32)};
    }

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
    [[nodiscard]] std::size_t packedBytes() const;
    [[nodiscard]] bool has(quint8 flag) const { return (m_flags & flag) != 0; }

    Halves m_clock = {};
    Halves m_node = {};
    quint32 m_valueBytes = 0;
    quint16 m_keyBytes = 0;
    quint8 m_contentTypeBytes = 0;
    quint8 m_flags = 0;
};

} // namespace dynakv::store
