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
constexpr quint8 kNoDurability = 4;

static_assert(std::is_same_v<core::TreeRoots, core::TreeLeaves>, "one codec serves both");

template <typename T>
T takeFrom(QByteArrayView &bytes)
{
    const T number = qFromBigEndian<T>(bytes.data());
    bytes = bytes.sliced(sizeof(T));
    return number;
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
        qToBigEndian(static_cast<quint16>(each.key.size()), at + 24);
        at = std::copy(each.key.cbegin(), each.key.cend(), at + kStampHeadBytes);
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
        const qsizetype keyBytes = takeFrom<quint16>(rest);
        if (keyBytes < 1 || keyBytes > base::limits::kKeyBytesMax || keyBytes > rest.size())
            return "a stamp's key is too long or cut short";
        each.key = rest.first(keyBytes).toByteArray();
        rest = rest.sliced(keyBytes);
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
