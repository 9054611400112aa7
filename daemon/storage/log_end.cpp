// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/log_end.h"

#include <algorithm>

namespace dynakv::storage {
namespace {

constexpr qint64 kStepBytes = qint64{1} << 20;

base::Result<qint64> tornBytes(FileWindow &window, qint64 start)
{
    qint64 torn = 0;
    for (qint64 offset = start; offset < window.fileBytes(); offset += kStepBytes) {
        const auto bytes = window.at(offset, kStepBytes);
        if (!bytes)
            return bytes.error();
        const auto last =
            std::find_if(bytes->rbegin(), bytes->rend(), [](char byte) { return byte != '\0'; });
        if (last != bytes->rend())
            torn = offset - start + (bytes->rend() - last);
    }
    return torn;
}

} // namespace

base::Result<LogEnd> examineLogEnd(FileWindow &window, const FrameChain &chain)
{
    LogEnd end;
    const auto torn = tornBytes(window, chain.offset);
    if (!torn)
        return torn.error();
    end.torn = *torn;
    const qint64 stop = chain.offset + end.torn;
    for (qint64 offset = chain.offset + kFrameAlignment; offset < stop; offset += kFrameAlignment) {
        const auto head = window.at(offset, kFrameHeaderBytes);
        if (!head)
            return head.error();
        const auto header = readFrameHeader(*head, chain.fileSeed, offset);
        if (!header)
            continue;
        end.provenOffset = qMax(end.provenOffset, header->syncedOffset);
        if (end.laterSeq == 0) {
            end.laterSeq = header->firstSeq;
            end.laterOffset = offset;
        }
    }
    return end;
}

} // namespace dynakv::storage
