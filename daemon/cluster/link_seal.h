// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <optional>

namespace dynakv::cluster {

/// Begins a link that is sealed; 32 random bytes follow, the sender's nonce.
inline constexpr QByteArrayView kSealedPreamble("DKVS");
inline constexpr qsizetype kNonceBytes = 32;
/// What stands behind each frame of such a link.
inline constexpr qsizetype kSealBytes = 16;

/// Proves on one link that both sides know the secret of their cluster, and that every frame is the
/// peer's next one: a keyed hash (HMAC with BLAKE2b-256, RFC 2104, of which 16 bytes are sent) over
/// the number of the frame and the frame. The keys, one for each direction, are made of the secret
/// and of both sides' fresh nonces, so that nothing of another link, or of this one's other
/// direction, fits. Who a peer is stands in its Hello, which is sealed like any frame. Frames can
/// be read on the way, but neither made, changed, left out nor repeated.
class LinkSeal
{
public:
    /// \a secret: what all nodes share. \a nonce: kNonceBytes that were never used before.
    LinkSeal(QByteArray secret, bool isDialer, QByteArray nonce);

    /// What this side sends first.
    [[nodiscard]] QByteArray preamble() const { return kSealedPreamble.toByteArray() + m_nonce; }
    /// Takes the peer's nonce; from then on frames can be sealed and checked.
    void begin(QByteArrayView theirNonce);
    [[nodiscard]] bool hasBegun() const { return !m_sendKey.isEmpty(); }

    /// Of the next frame to be sent, in the order of sending.
    [[nodiscard]] QByteArray sealOf(QByteArrayView frame);
    /// Whether \a seal belongs to \a frame, the next one received.
    [[nodiscard]] bool isGood(QByteArrayView frame, QByteArrayView seal);

private:
    QByteArray m_secret;
    bool m_isDialer;
    QByteArray m_nonce;
    QByteArray m_sendKey = {};
    QByteArray m_receiveKey = {};
    quint64 m_sent = 0;
    quint64 m_received = 0;
};

} // namespace dynakv::cluster
