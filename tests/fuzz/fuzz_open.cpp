// SPDX-License-Identifier: GPL-3.0-or-later

// What storage.db may hold. The first byte says how: the whole file as it is, or what stands behind
// a good superblock, or entries in a frame whose checksums fit them with the rest behind it.
// Opening gives a result and never falls over; what it accepts opens again with the same content.
#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "daemon/storage/storage_engine.h"
#include "tests/support/sim_disk.h"

#include <QLoggingCategory>

#include <cstdlib>

using namespace dynakv;
using namespace dynakv::storage;

namespace {

void check(bool holds)
{
    if (!holds)
        std::abort();
}

FileIdentity identity()
{
    return {QByteArray("0123456789abcdef"), 1};
}

/// A frame at the start of the log whose payload is \a payload, whatever that is.
QByteArray frameAround(QByteArray payload, quint32 previousCrc)
{
    while (payload.size() % kFrameAlignment != 0)
        payload.append('\0');
    QByteArray place = identity().fileId;
    putLittleEndian(static_cast<qint64>(kSuperblockBytes), place);
    const quint32 seed = crc32c(place);
    QByteArray frame;
    putLittleEndian(quint32{0x464B5944}, frame);
    putLittleEndian(crc32c(payload, seed), frame);
    putLittleEndian(static_cast<quint32>(payload.size()), frame);
    putLittleEndian(quint32{1}, frame);
    putLittleEndian(quint32{2}, frame);
    putLittleEndian(quint32{0}, frame);
    putLittleEndian(quint64{1}, frame);
    putLittleEndian(static_cast<qint64>(kSuperblockBytes), frame);
    putLittleEndian(previousCrc, frame);
    putLittleEndian(crc32c(frame, seed), frame);
    return frame + payload;
}

QByteArray fileFrom(const QByteArray &bytes)
{
    if (bytes.isEmpty())
        return bytes;
    const QByteArray rest = bytes.sliced(1);
    Superblock superblock;
    superblock.identity = identity();
    const QByteArray head = encodeSuperblock(superblock);
    switch (bytes[0] % 3) {
    case 0:
        return rest;
    case 1:
        return head + rest;
    default:
        break;
    }
    const qsizetype entries = rest.size() / 2;
    return head + frameAround(rest.first(entries), superblock.crc) + rest.sliced(entries);
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    QLoggingCategory::setFilterRules(QStringLiteral("dynakv.*=false"));
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const quint8 *data, std::size_t size)
{
    const QString directory = QStringLiteral("/data");
    test::DiskImage image;
    image.directories = {QStringLiteral("/"), directory};
    image.files[directory + QStringLiteral("/storage.db")] =
        fileFrom(QByteArray(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size)));
    test::SimDisk disk(image);
    qint64 records = 0;
    {
        store::Table table;
        StorageEngine engine(disk, table, core::Durability::Sync);
        const auto report = engine.open(directory, identity());
        if (!report)
            return 0;
        check(!report->isNew);
        records = report->records;
    }
    store::Table table;
    StorageEngine engine(disk, table, core::Durability::Sync);
    const auto again = engine.open(directory, identity());
    check(again.ok() && again->tornBytes == 0 && again->records == records);
    return 0;
}
