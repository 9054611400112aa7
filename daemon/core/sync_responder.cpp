// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/sync_responder.h"

namespace dynakv::core {

RootsReply answer(const RootsRequest &request, const RecordSource &records, bool caughtUp,
                  quint64 promise, const Holdings &holdings)
{
    return {request.id, records.treeRoots(), caughtUp, promise, holdings};
}

LeavesReply answer(const LeavesRequest &request, const RecordSource &records)
{
    return {request.id, request.partition, records.treeLeaves(request.partition)};
}

StampsReply answer(const StampsRequest &request, const RecordSource &records, quint64 watermark)
{
    StampsReply reply{request.id, request.partition, {}, false, request.after, watermark, {}};
    if (request.lacksAll && request.takesSlices) {
        RecordSlice slice = records.records(request.partition, request.leaves, request.after,
                                            {kVisitsMax, kPieceRecords, kPushBytesTarget});
        reply.records = std::move(slice.records);
        reply.reached = std::move(slice.reached);
        reply.hasMore = !reply.reached.isEmpty();
        return reply;
    }
    do {
        StampSlice slice =
            records.stamps(request.partition, request.leaves, reply.reached, kVisitsMax);
        reply.stamps = std::move(slice.stamps);
        reply.reached = std::move(slice.reached);
        reply.hasMore = !reply.reached.isEmpty();
        // An older node can only go on from a stamp.
    } while (!request.takesSlices && reply.hasMore && reply.stamps.empty());
    if (!request.takesSlices)
        reply.reached.clear();
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
