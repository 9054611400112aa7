// SPDX-License-Identifier: GPL-3.0-or-later

// The request head and the chunked body: whatever bytes arrive, the parser neither reads past them
// nor depends on how they were cut, and handlers get the very bytes of the target.
#include "daemon/http/chunked_decoder.h"
#include "daemon/http/head_parser.h"
#include "daemon/http/host_rule.h"
#include "daemon/http/incoming_request.h"

#include <cstdint>
#include <cstdlib>

using namespace dynakv::http;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

struct Decoded
{
    ChunkedDecoder::Status status;
    QByteArray body;
    qsizetype taken;
};

Decoded decode(QByteArrayView bytes, qsizetype pieceBytes)
{
    ChunkedDecoder decoder(4096);
    Decoded decoded{ChunkedDecoder::Status::NeedMore, {}, 0};
    while (decoded.status == ChunkedDecoder::Status::NeedMore && decoded.taken < bytes.size()) {
        QByteArrayView piece =
            bytes.sliced(decoded.taken, qMin(pieceBytes, bytes.size() - decoded.taken));
        const qsizetype before = piece.size();
        decoded.status = decoder.feed(piece, decoded.body);
        decoded.taken += before - piece.size();
    }
    return decoded;
}

void checkAccepted(const RequestHead &head, QByteArrayView bytes)
{
    require(head.size <= bytes.size() && head.contentLength >= 0);
    require(head.path.startsWith('/') || head.path == "*");
    refusalOf(head, HostRule{});
    const HttpRequest request = requestFrom(head, "id");
    require(request.path == head.path && request.query == head.query);
    for (const QByteArray *text : {&request.accept, &request.contentType, &request.atLeast})
        require(!text->contains('\r') && !text->contains('\n'));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArrayView bytes(data, static_cast<qsizetype>(size));
    const HeadLimits limits{512, 1024, 256, 20};
    const HeadResult result = parseHead(bytes, limits);
    if (const auto *head = std::get_if<RequestHead>(&result)) {
        checkAccepted(*head, bytes);
        const HeadResult part = parseHead(bytes.first(head->size - 1), limits);
        require(std::holds_alternative<NeedMore>(part));
    }
    const Decoded whole = decode(bytes, bytes.size());
    const Decoded piecewise = decode(bytes, 3);
    require(whole.body.size() <= 4096);
    require(whole.status == piecewise.status);
    if (whole.status == ChunkedDecoder::Status::Done)
        require(whole.body == piecewise.body && whole.taken == piecewise.taken);
    return 0;
}
