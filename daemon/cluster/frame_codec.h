// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/link_seal.h"
#include "daemon/core/message.h"
#include "shared/base/result.h"

#include <QByteArray>

#include <optional>

namespace dynakv::cluster {

/// What each side sends first, so that a stranger is recognised before any length is believed.
/// The digit is the version of the framing alone; messages are negotiated by Hello.
inline constexpr QByteArrayView kPreamble("DKV1");
/// Length (u32, big endian, of all that follows it), type, flags.
inline constexpr qsizetype kFrameHeadBytes = 6;
/// The bound until the peer's Hello is there.
inline constexpr qsizetype kFirstFrameBytesMax = qsizetype{4} << 10;

/// The receiver must close the link if it does not know the type; without it, it ignores the frame.
inline constexpr quint8 kMustUnderstand = 0x01;
/// A part of a frame that is cut into parts, so that others can pass between them: all parts have
/// the type and the other flags of the whole, and all but the last one kHasMore.
inline constexpr quint8 kIsPart = 0x02;
inline constexpr quint8 kHasMore = 0x04;
/// Bytes of the body of one part.
inline constexpr qsizetype kPartBytesMax = qsizetype{16} << 10;

struct Frame
{
    quint8 type = 0;
    quint8 flags = 0;
    QByteArray body = {};
    bool operator==(const Frame &) const = default;
};

/// Cuts the bytes of one connection into frames, in whatever pieces they come, and puts those
/// together that came in parts. A length is believed only after its bound was checked, and memory
/// is taken only for bytes that are there: the parser holds at most one unfinished frame, the parts
/// of another one, and what was fed last.
///
/// A fault is final: nothing comes out after it.
class FrameParser
{
public:
    /// With a \a seal, which outlives it, every frame is checked with that, and its nonce taken.
    explicit FrameParser(LinkSeal *seal = nullptr)
        : m_seal(seal)
    {
    }

    /// Counts all of a frame, its length field included. Takes effect with the next frame.
    void setFrameBytesMax(qsizetype bytes) { m_frameBytesMax = bytes; }

    void feed(QByteArrayView bytes);
    /// The next whole frame, nothing if more bytes are needed or there is a fault.
    std::optional<Frame> next();
    /// Unsupported where the other side is no node at all, Denied where it does not know the
    /// secret, Corrupt for a bad length or seal.
    [[nodiscard]] const std::optional<base::Error> &fault() const { return m_fault; }
    [[nodiscard]] qsizetype bufferedBytes() const
    {
        return m_buffer.size() - m_position + m_parts.body.size();
    }
    [[nodiscard]] qsizetype capacityBytes() const { return m_buffer.capacity(); }

private:
    [[nodiscard]] QByteArrayView pending() const;
    std::optional<Frame> nextPiece();
    bool addPart(Frame part);
    bool takePreamble();
    bool isSealGood(QByteArrayView frame, QByteArrayView seal);
    void fail(base::ErrorCode code, QByteArray message);

    LinkSeal *m_seal;
    bool m_hasGoodSeal = false; ///< At least one.
    Frame m_parts = {};         ///< Those that came of the frame that is under way in parts,
    bool m_hasParts = false;    ///< if one is.
    QByteArray m_buffer = {};
    qsizetype m_position = 0;
    qsizetype m_frameBytesMax = kFirstFrameBytesMax;
    bool m_hasPreamble = false;
    std::optional<base::Error> m_fault = {};
};

/// Writes the length into the first four bytes of \a frame, which were left free for it.
void finishFrame(QByteArray &frame);
QByteArray encodeFrame(const Frame &frame);
/// The part of \a frame, a whole one as it stands on the wire, that begins at \a start of its body.
QByteArray partOf(QByteArrayView frame, qsizetype start);

} // namespace dynakv::cluster
