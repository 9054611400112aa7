// SPDX-License-Identifier: GPL-3.0-or-later

// What storage.db may hold. The first byte says how: the whole file as it is, or what stands behind
// good superblocks, or a base section with an index, or entries in a frame whose checksums fit them
// with the rest behind it.
// Opening gives a result and never falls over; what it accepts opens again with the same content.
#include "daemon/storage/frame_codec.h"
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
QByteArray frameAround(const QByteArray &payload)
{
    FrameBuilder frame;
    frame.addEncoded(payload, 2);
    return frame.seal(chainAtStart(identity(), 1), kDataOffset).toByteArray();
}

QByteArray fileFrom(const QByteArray &bytes)
{
    if (bytes.isEmpty())
        return bytes;
    const QByteArray rest = bytes.sliced(1);
    Superblock superblock;
    superblock.identity = identity();
    switch (bytes[0] % 4) {
    case 0:
        return rest;
    case 1:
        return encodeSuperblock(superblock).repeated(2) + rest;
    case 2: {
        // A base section whose index stands at the end of what comes in.
        FrameBuilder index(FrameType::Index);
        const QByteArray base = rest.first(rest.size() / 2 / kFrameAlignment * kFrameAlignment);
        superblock.indexOffset = kDataOffset + base.size();
        index.addEncoded(rest.sliced(base.size()).leftJustified(40 * 256, '\0', true), 0);
        FrameChain chain = chainAtStart(identity(), 1);
        chain.offset = superblock.indexOffset;
        const QByteArray frame = index.seal(chain, 0).toByteArray();
        superblock.logOffset = superblock.indexOffset + frame.size();
        return encodeSuperblock(superblock).repeated(2) + base + frame;
    }
    default:
        break;
    }
    const qsizetype entries = rest.size() / 2;
    return encodeSuperblock(superblock).repeated(2) + frameAround(rest.first(entries)) +
           rest.sliced(entries);
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
        StorageEngine engine(disk, table, {core::Durability::Sync, {}, 4096});
        const auto report = engine.open(directory, identity());
        if (!report)
            return 0;
        check(!report->isNew);
        records = report->records;
    }
    store::Table table;
    StorageEngine engine(disk, table, {core::Durability::Sync, {}, 4096});
    const auto again = engine.open(directory, identity());
    check(again.ok() && again->tornBytes == 0 && again->records == records);
    return 0;
}
