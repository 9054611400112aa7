// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_fields.h"

#include "daemon/storage/record_codec.h"
#include "shared/base/limits.h"

#include <QtEndian>

namespace dynakv::cluster::cbor {
namespace {

constexpr qsizetype kStampHeadBytes = 3 * 8 + 2;
constexpr qsizetype kHashesBytes = 8 * core::kLeafCount;
constexpr qsizetype kLeafSetBytes = core::kLeafCount / 8;
constexpr qsizetype kVersionBytes = 16;
constexpr qsizetype kRowHeadBytes = 4 * 8 + 2;
constexpr qsizetype kGroupHeadBytes = 8 + 1 + 2;
constexpr quint8 kNoDurability = 4;

static_assert(std::is_same_v<core::TreeRoots, core::TreeLeaves>, "one codec serves both");

template <typename T>
T takeFrom(QByteArrayView &bytes)
{
    const T number = qFromBigEndian<T>(bytes.data());
    bytes = bytes.sliced(sizeof(T));
    return number;
}

/// The key at the front of \a bytes, as long as two bytes before it say.
Fault takeKeyFrom(QByteArrayView &bytes, QByteArray &key)
{
    const qsizetype keyBytes = takeFrom<quint16>(bytes);
    if (keyBytes < 1 || keyBytes > base::limits::kKeyBytesMax || keyBytes > bytes.size())
        return "a key is too long or cut short";
    key = bytes.first(keyBytes).toByteArray();
    bytes = bytes.sliced(keyBytes);
    return nullptr;
}

char *putKeyAt(char *at, const QByteArray &key)
{
    qToBigEndian(static_cast<quint16>(key.size()), at);
    return std::copy(key.cbegin(), key.cend(), at + 2);
}

/// As many packed \a rows as the bytes of one string hold, each by \a takeRow.
template <typename Row, typename TakeRow>
Fault takeRows(Input &in, qsizetype headBytes, std::vector<Row> &rows, TakeRow takeRow)
{
    constexpr qsizetype kRowsMax = base::limits::kPageKeysMax;
    QByteArray bytes;
    if (const Fault fault =
            takeBytes(in, kRowsMax * (headBytes + base::limits::kKeyBytesMax), bytes))
        return fault;
    rows.clear();
    QByteArrayView rest = bytes;
    while (!rest.isEmpty()) {
        if (rows.size() == quint64(kRowsMax))
            return "too many rows";
        if (rest.size() < headBytes)
            return "a row is cut short";
        if (const Fault fault = takeRow(rest, rows.emplace_back()))
            return fault;
    }
    return nullptr;
}

} // namespace

// Records stand one behind the other in one byte string: no CBOR element a record.
void put(Output &out, const std::vector<core::Record> &records)
{
    qsizetype total = 0;
    for (const core::Record &record : records)
        total += storage::encodedSize(record);
    QByteArray bytes;
    bytes.reserve(total);
    for (const core::Record &record : records)
        storage::encodeRecord(record, bytes);
    out.writer().append(bytes);
}

Fault take(Input &in, std::vector<core::Record> &records)
{
    QByteArray bytes;
    if (const Fault fault = takeBytes(in, core::kFrameBytesMax, bytes))
        return fault;
    records.clear();
    QByteArrayView rest = bytes;
    while (!rest.isEmpty()) {
        if (records.size() == quint64(core::kPushRecordsMax))
            return "too many records";
        auto record = storage::decodeRecord(rest);
        if (!record)
            return "a record is damaged";
        records.push_back(std::move(*record));
    }
    return nullptr;
}

// As the records: clock, node, content hash, key length, key, all big endian.
void put(Output &out, const std::vector<core::KeyStamp> &stamps)
{
    qsizetype total = 0;
    for (const core::KeyStamp &each : stamps)
        total += kStampHeadBytes + each.key.size();
    QByteArray bytes(total, Qt::Uninitialized);
    char *at = bytes.data();
    for (const core::KeyStamp &each : stamps) {
        qToBigEndian(each.stamp.version.clock, at);
        qToBigEndian(each.stamp.version.node, at + 8);
        qToBigEndian(each.stamp.contentHash, at + 16);
        at = putKeyAt(at + 24, each.key);
    }
    out.writer().append(bytes);
}

Fault take(Input &in, std::vector<core::KeyStamp> &stamps)
{
    constexpr qsizetype kMax = core::kStampsMax * (kStampHeadBytes + base::limits::kKeyBytesMax);
    QByteArray bytes;
    if (const Fault fault = takeBytes(in, kMax, bytes))
        return fault;
    stamps.clear();
    QByteArrayView rest = bytes;
    while (!rest.isEmpty()) {
        if (stamps.size() == quint64(core::kStampsMax))
            return "too many stamps";
        if (rest.size() < kStampHeadBytes)
            return "a stamp is cut short";
        core::KeyStamp &each = stamps.emplace_back();
        each.stamp.version.clock = takeFrom<quint64>(rest);
        each.stamp.version.node = takeFrom<quint64>(rest);
        each.stamp.contentHash = takeFrom<quint64>(rest);
        if (const Fault fault = takeKeyFrom(rest, each.key))
            return fault;
    }
    return nullptr;
}

void put(Output &out, const std::vector<QByteArray> &keys)
{
    out.writer().startArray(keys.size());
    for (const QByteArray &key : keys)
        out.writer().append(key);
    out.writer().endArray();
}

Fault take(Input &in, std::vector<QByteArray> &keys)
{
    quint64 count = 0;
    if (const Fault fault = enterArray(in, core::kFetchKeysMax, count))
        return fault;
    keys.clear();
    keys.reserve(count);
    for (quint64 i = 0; i < count; ++i) {
        if (const Fault fault = take(in, Key{keys.emplace_back(), false}))
            return fault;
    }
    return leaveContainer(in);
}

void put(Output &out, const core::TreeRoots &hashes)
{
    QByteArray bytes(kHashesBytes, Qt::Uninitialized);
    qToBigEndian<quint64>(hashes.data(), core::kLeafCount, bytes.data());
    out.writer().append(bytes);
}

Fault take(Input &in, core::TreeRoots &hashes)
{
    QByteArray bytes;
    if (const Fault fault = takeBytes(in, kHashesBytes, bytes))
        return fault;
    if (bytes.size() != kHashesBytes)
        return "not 256 hashes";
    qFromBigEndian<quint64>(bytes.constData(), core::kLeafCount, hashes.data());
    return nullptr;
}

// Leaf i is bit i % 8 (of worth 2^(i % 8)) of byte i / 8.
void put(Output &out, const core::LeafSet &leaves)
{
    QByteArray bytes(kLeafSetBytes, '\0');
    for (std::size_t i = 0; i < leaves.size(); ++i) {
        if (leaves.test(i)) {
            char &byte = bytes.data()[i / 8];
            byte = static_cast<char>(static_cast<quint8>(byte) | (1U << (i % 8)));
        }
    }
    out.writer().append(bytes);
}

Fault take(Input &in, core::LeafSet &leaves)
{
    QByteArray bytes;
    if (const Fault fault = takeBytes(in, kLeafSetBytes, bytes))
        return fault;
    if (bytes.size() != kLeafSetBytes)
        return "not a set of 256 leaves";
    for (std::size_t i = 0; i < leaves.size(); ++i)
        leaves.set(i, ((static_cast<quint8>(bytes.constData()[i / 8]) >> (i % 8)) & 1U) != 0);
    return nullptr;
}

void put(Output &out, const std::optional<qint64> &ttlMs)
{
    put(out, ttlMs.value_or(0));
}

Fault take(Input &in, std::optional<qint64> &ttlMs)
{
    qint64 number = 0;
    if (const Fault fault = take(in, number))
        return fault;
    ttlMs = number == 0 ? std::nullopt : std::optional(number);
    return number < 0 || number > base::limits::kTtlMsMax ? "a ttl out of its range" : nullptr;
}

void put(Output &out, const std::optional<core::Durability> &durability)
{
    put(out, durability ? static_cast<quint8>(*durability) : kNoDurability);
}

Fault take(Input &in, std::optional<core::Durability> &durability)
{
    quint64 number = 0;
    const Fault fault = takeUnsigned(in, kNoDurability, number);
    durability = number == kNoDurability ? std::nullopt
                                         : std::optional(static_cast<core::Durability>(number));
    return fault;
}

// Empty: none. Else 0 for any, or 1 and the versions: clock and node, big endian.
void put(Output &out, const std::optional<core::VersionSet> &versions)
{
    QByteArray bytes;
    if (versions) {
        bytes = QByteArray(1 + kVersionBytes * static_cast<qsizetype>(versions->versions.size()),
                           versions->isAny ? '\0' : '\1');
        char *at = bytes.data() + 1;
        for (const core::Version &each : versions->versions) {
            qToBigEndian(each.clock, at);
            qToBigEndian(each.node, at + 8);
            at += kVersionBytes;
        }
    }
    out.writer().append(bytes);
}

Fault take(Input &in, std::optional<core::VersionSet> &versions)
{
    constexpr qsizetype kMax = 1 + kVersionBytes * core::VersionSet::kVersionsMax;
    QByteArray bytes;
    if (const Fault fault = takeBytes(in, kMax, bytes))
        return fault;
    versions.reset();
    if (bytes.isEmpty())
        return nullptr;
    QByteArrayView rest = QByteArrayView(bytes).sliced(1);
    const bool isAny = bytes.front() == '\0';
    if ((!isAny && bytes.front() != '\1') || (isAny && !rest.isEmpty()) ||
        rest.size() % kVersionBytes != 0)
        return "not a set of versions";
    versions.emplace().isAny = isAny;
    while (!rest.isEmpty()) {
        core::Version &each = versions->versions.emplace_back();
        each.clock = takeFrom<quint64>(rest);
        each.node = takeFrom<quint64>(rest);
    }
    return nullptr;
}

void put(Output &out, const std::optional<QByteArray> &row)
{
    out.writer().append(row.value_or(QByteArray()));
}

Fault take(Input &in, std::optional<QByteArray> &row)
{
    QByteArray bytes;
    const Fault fault = takeBytes(in, base::limits::kKeyBytesMax, bytes);
    row = bytes.isEmpty() ? std::nullopt : std::optional(std::move(bytes));
    return fault;
}

Fault take(Input &in, core::Order &order)
{
    return takeEnum(in, core::Order::Descending, order);
}

// As the stamps: clock, node, bytes of the value, expiry, key length, key.
void put(Output &out, const std::vector<core::ListedKey> &rows)
{
    qsizetype total = 0;
    for (const core::ListedKey &each : rows)
        total += kRowHeadBytes + each.key.size();
    QByteArray bytes(total, Qt::Uninitialized);
    char *at = bytes.data();
    for (const core::ListedKey &each : rows) {
        qToBigEndian(each.version.clock, at);
        qToBigEndian(each.version.node, at + 8);
        qToBigEndian(each.valueBytes, at + 16);
        qToBigEndian(each.expiresAtMs, at + 24);
        at = putKeyAt(at + 32, each.key);
    }
    out.writer().append(bytes);
}

Fault take(Input &in, std::vector<core::ListedKey> &rows)
{
    return takeRows(in, kRowHeadBytes, rows, [](QByteArrayView &rest, core::ListedKey &row) {
        row.version.clock = takeFrom<quint64>(rest);
        row.version.node = takeFrom<quint64>(rest);
        row.valueBytes = takeFrom<qint64>(rest);
        row.expiresAtMs = takeFrom<qint64>(rest);
        return takeKeyFrom(rest, row.key);
    });
}

// Count, whether it is estimated (1 or 0), prefix length, prefix.
void put(Output &out, const std::vector<core::ListedPrefix> &rows)
{
    qsizetype total = 0;
    for (const core::ListedPrefix &each : rows)
        total += kGroupHeadBytes + each.prefix.size();
    QByteArray bytes(total, Qt::Uninitialized);
    char *at = bytes.data();
    for (const core::ListedPrefix &each : rows) {
        qToBigEndian(each.count, at);
        at[8] = each.isEstimated ? '\1' : '\0';
        at = putKeyAt(at + 9, each.prefix);
    }
    out.writer().append(bytes);
}

Fault take(Input &in, std::vector<core::ListedPrefix> &rows)
{
    return takeRows(
        in, kGroupHeadBytes, rows, [](QByteArrayView &rest, core::ListedPrefix &row) -> Fault {
            row.count = takeFrom<qint64>(rest);
            const auto flag = takeFrom<quint8>(rest);
            row.isEstimated = flag == 1;
            return flag > 1 ? "a flag is neither 0 nor 1" : takeKeyFrom(rest, row.prefix);
        });
}

Fault take(Input &in, core::WriteConcern::Kind &kind)
{
    return takeEnum(in, core::WriteConcern::Kind::All, kind);
}

Fault take(Input &in, core::WriteOutcome::Status &status)
{
    return takeEnum(in, core::WriteOutcome::Status::ConditionFailed, status);
}

/// A reason of a later version still is a refusal.
Fault take(Input &in, core::Refusal::Reason &reason)
{
    quint8 number = 0;
    const Fault fault = take(in, number);
    const bool isKnown = number <= static_cast<quint8>(core::Refusal::Reason::Forgotten);
    reason = isKnown ? static_cast<core::Refusal::Reason>(number) : core::Refusal::Reason::Protocol;
    return fault;
}

} // namespace dynakv::cluster::cbor
