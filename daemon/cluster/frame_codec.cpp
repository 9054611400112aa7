// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/frame_codec.h"

#include <QtEndian>

#include <algorithm>
#include <utility>

namespace dynakv::cluster {
namespace {

constexpr qsizetype kLengthBytes = 4;
/// Below it the consumed front of the buffer is not worth a move.
constexpr qsizetype kCompactBytes = qsizetype{64} << 10;

/// Who connected by mistake, told by the first bytes: what an operator wants to read in the log.
QByteArray describeStranger(QByteArrayView head, bool isSealed)
{
    if (isSealed && head.startsWith(kPreamble))
        return "it proves no cluster secret: start it with --cluster-secret-file as this node was";
    if (!isSealed && head.startsWith(kSealedPreamble))
        return "it asks for a cluster secret: start this node with --cluster-secret-file too";
    constexpr QByteArrayView kHttp[] = {"GET ", "PUT ", "POST", "HEAD", "DELE", "OPTI", "PATC"};
    for (const QByteArrayView method : kHttp) {
        if (head.startsWith(method))
            return "an HTTP client; the REST API is on the other port";
    }
    if (head.size() >= 2 && head[0] == '\x16' && head[1] == '\x03')
        return "a TLS client; this port is for plain cluster links";
    if (head.startsWith(kPreamble.first(3)))
        return "a node with another framing of the cluster protocol";
    return "not a DynaKV node";
}

} // namespace

QByteArrayView FrameParser::pending() const
{
    return QByteArrayView(m_buffer).sliced(m_position);
}

void FrameParser::fail(base::ErrorCode code, QByteArray message)
{
    m_fault = base::Error{code, std::move(message)};
    m_buffer.clear();
    m_position = 0;
    m_parts = {};
    m_hasParts = false;
}

void FrameParser::feed(QByteArrayView bytes)
{
    if (m_fault)
        return;
    if (m_position == m_buffer.size()) {
        m_buffer.resize(0);
        m_position = 0;
    } else if (m_position >= kCompactBytes && m_position >= m_buffer.size() / 2) {
        m_buffer.remove(0, m_position);
        m_position = 0;
    }
    m_buffer.append(bytes);
}

bool FrameParser::takePreamble()
{
    if (m_hasPreamble)
        return true;
    const QByteArrayView head = pending();
    const QByteArrayView expected = m_seal ? kSealedPreamble : kPreamble;
    const qsizetype known = std::min(head.size(), expected.size());
    if (head.first(known) != expected.first(known)) {
        // One byte decides that it is a stranger; four tell which.
        fail(base::ErrorCode::Unsupported, describeStranger(head, m_seal != nullptr));
        return false;
    }
    const qsizetype nonceBytes = m_seal ? kNonceBytes : 0;
    if (head.size() < expected.size() + nonceBytes)
        return false;
    if (m_seal)
        m_seal->begin(head.sliced(expected.size(), nonceBytes));
    m_position += expected.size() + nonceBytes;
    m_hasPreamble = true;
    return true;
}

std::optional<Frame> FrameParser::next()
{
    while (auto piece = nextPiece()) {
        if ((piece->flags & (kIsPart | kHasMore)) == 0)
            return piece;
        const bool isLast = (piece->flags & kHasMore) == 0;
        if (!addPart(*std::move(piece)))
            return std::nullopt;
        if (isLast) {
            m_hasParts = false;
            return std::exchange(m_parts, {});
        }
    }
    return std::nullopt;
}

/// One frame is in parts at a time.
bool FrameParser::addPart(Frame part)
{
    const auto flags = static_cast<quint8>(part.flags & ~(kIsPart | kHasMore));
    if ((part.flags & kIsPart) == 0 ||
        (m_hasParts && (part.type != m_parts.type || flags != m_parts.flags))) {
        fail(base::ErrorCode::Corrupt, "a part of a frame that is not the one under way");
        return false;
    }
    if (m_parts.body.size() + part.body.size() > m_frameBytesMax - kFrameHeadBytes) {
        fail(base::ErrorCode::Corrupt, "the parts of a frame have more than " +
                                           QByteArray::number(m_frameBytesMax) + " bytes");
        return false;
    }
    m_hasParts = true;
    m_parts.type = part.type;
    m_parts.flags = flags;
    m_parts.body += part.body;
    return true;
}

std::optional<Frame> FrameParser::nextPiece()
{
    if (m_fault || !takePreamble() || m_buffer.size() - m_position < kLengthBytes)
        return std::nullopt;
    const QByteArrayView bytes = pending();
    const qsizetype length = qsizetype{qFromBigEndian<quint32>(bytes.data())};
    if (length < kFrameHeadBytes - kLengthBytes || length > m_frameBytesMax - kLengthBytes) {
        fail(base::ErrorCode::Corrupt, "a frame of " + QByteArray::number(length) +
                                           " bytes, allowed are 2 to " +
                                           QByteArray::number(m_frameBytesMax - kLengthBytes));
        return std::nullopt;
    }
    const qsizetype sealBytes = m_seal ? kSealBytes : 0;
    if (bytes.size() < kLengthBytes + length + sealBytes)
        return std::nullopt;
    if (m_seal && !isSealGood(bytes.first(kLengthBytes + length),
                              bytes.sliced(kLengthBytes + length, sealBytes)))
        return std::nullopt;
    Frame frame;
    frame.type = static_cast<quint8>(bytes[kLengthBytes]);
    frame.flags = static_cast<quint8>(bytes[kLengthBytes + 1]);
    frame.body =
        bytes.sliced(kFrameHeadBytes, kLengthBytes + length - kFrameHeadBytes).toByteArray();
    m_position += kLengthBytes + length + sealBytes;
    return frame;
}

bool FrameParser::isSealGood(QByteArrayView frame, QByteArrayView seal)
{
    if (m_seal->isGood(frame, seal)) {
        m_hasGoodSeal = true;
        return true;
    }
    if (m_hasGoodSeal)
        fail(base::ErrorCode::Corrupt, "a frame was changed, repeated or left out on its way");
    else
        fail(base::ErrorCode::Denied, "it does not know the secret of this cluster");
    return false;
}

void finishFrame(QByteArray &frame)
{
    qToBigEndian(static_cast<quint32>(frame.size() - kLengthBytes), frame.data());
}

QByteArray encodeFrame(const Frame &frame)
{
    QByteArray bytes(kFrameHeadBytes, Qt::Uninitialized);
    bytes[kLengthBytes] = static_cast<char>(frame.type);
    bytes[kLengthBytes + 1] = static_cast<char>(frame.flags);
    bytes += frame.body;
    finishFrame(bytes);
    return bytes;
}

QByteArray partOf(QByteArrayView frame, qsizetype start)
{
    const QByteArrayView body = frame.sliced(kFrameHeadBytes);
    const qsizetype bytes = std::min(kPartBytesMax, body.size() - start);
    const bool hasMore = start + bytes < body.size();
    QByteArray part;
    part.reserve(kFrameHeadBytes + bytes + kSealBytes);
    part.append(frame.first(kFrameHeadBytes)).append(body.sliced(start, bytes));
    part[kLengthBytes + 1] =
        static_cast<char>(part[kLengthBytes + 1] | kIsPart | (hasMore ? kHasMore : 0));
    finishFrame(part);
    return part;
}

} // namespace dynakv::cluster
