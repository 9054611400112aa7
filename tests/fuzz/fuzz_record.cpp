// SPDX-License-Identifier: GPL-3.0-or-later

// What a peer or a file may hold where a record is expected. The bytes get the checksum that fits
// them, or the fuzzer would never see past it. What is accepted must encode to the same bytes.
#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "daemon/storage/record_codec.h"

#include <cstdlib>

using namespace dynakv;
using namespace dynakv::storage;

namespace {

void check(bool holds)
{
    if (!holds)
        std::abort();
}

void take(const QByteArray &bytes)
{
    QByteArrayView in = bytes;
    const auto record = decodeRecord(in);
    if (!record) {
        check(in.size() == bytes.size());
        return;
    }
    check(checkRecord(*record).ok());
    QByteArray again;
    encodeRecord(*record, again);
    check(again == bytes.first(bytes.size() - in.size()));
    check(again.size() == encodedSize(*record));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const quint8 *data, std::size_t size)
{
    QByteArray bytes(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    take(bytes);
    putLittleEndian(crc32c(bytes), bytes);
    take(bytes);
    return 0;
}
