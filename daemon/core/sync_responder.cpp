// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/sync_responder.h"

namespace dynakv::core {

RootsReply answer(const RootsRequest &request, const RecordSource &records, bool caughtUp)
{
    return {request.id, records.treeRoots(), caughtUp};
}

LeavesReply answer(const LeavesRequest &request, const RecordSource &records)
{
    return {request.id, request.partition, records.treeLeaves(request.partition)};
}

StampsReply answer(const StampsRequest &request, const RecordSource &records)
{
    StampsReply reply{request.id, request.partition, {}, false};
    reply.stamps = records.stamps(request.partition, request.leaves, request.after, kStampsMax);
    reply.hasMore = static_cast<int>(reply.stamps.size()) == kStampsMax;
    return reply;
}

FetchReply answer(const FetchRequest &request, const RecordSource &records)
{
    FetchReply reply{request.id, {}, 0};
    qsizetype bytes = 0;
    for (const QByteArray &key : request.keys) {
        if (bytes >= kPushBytesTarget)
            break;
        ++reply.answeredKeys;
        if (auto record = records.find(key)) {
            bytes += record->key.size() + record->value.size();
            reply.records.push_back(std::move(*record));
        }
    }
    return reply;
}

} // namespace dynakv::core
