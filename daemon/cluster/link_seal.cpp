// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/link_seal.h"

#include <QMessageAuthenticationCode>
#include <QtEndian>

#include <utility>

namespace dynakv::cluster {
namespace {

constexpr auto kAlgorithm = QCryptographicHash::Blake2b_256;

QByteArray keyFor(const QByteArray &secret, const char *direction, QByteArrayView dialerNonce,
                  QByteArrayView acceptorNonce)
{
    QMessageAuthenticationCode code(kAlgorithm, secret);
    code.addData(QByteArray("DynaKV link 1, ") + direction);
    code.addData(dialerNonce.toByteArray());
    code.addData(acceptorNonce.toByteArray());
    return code.result();
}

QByteArray seal(const QByteArray &key, quint64 number, QByteArrayView frame)
{
    QMessageAuthenticationCode code(kAlgorithm, key);
    char numberBytes[sizeof(number)];
    qToBigEndian(number, numberBytes);
    code.addData(numberBytes, sizeof(numberBytes));
    code.addData(frame.data(), frame.size());
    return code.result().first(kSealBytes);
}

/// In a time that tells nothing of where they differ.
bool areEqual(QByteArrayView one, QByteArrayView other)
{
    if (one.size() != other.size())
        return false;
    int difference = 0;
    for (qsizetype i = 0; i < one.size(); ++i)
        difference |= one[i] ^ other[i];
    return difference == 0;
}

} // namespace

LinkSeal::LinkSeal(QByteArray secret, bool isDialer, QByteArray nonce)
    : m_secret(std::move(secret))
    , m_isDialer(isDialer)
    , m_nonce(std::move(nonce))
{
}

void LinkSeal::begin(QByteArrayView theirNonce)
{
    const QByteArrayView dialer = m_isDialer ? QByteArrayView(m_nonce) : theirNonce;
    const QByteArrayView acceptor = m_isDialer ? theirNonce : QByteArrayView(m_nonce);
    QByteArray fromDialer = keyFor(m_secret, "from the dialer", dialer, acceptor);
    QByteArray fromAcceptor = keyFor(m_secret, "from the acceptor", dialer, acceptor);
    m_sendKey = m_isDialer ? fromDialer : fromAcceptor;
    m_receiveKey = m_isDialer ? std::move(fromAcceptor) : std::move(fromDialer);
}

QByteArray LinkSeal::sealOf(QByteArrayView frame)
{
    return seal(m_sendKey, m_sent++, frame);
}

bool LinkSeal::isGood(QByteArrayView frame, QByteArrayView given)
{
    return areEqual(seal(m_receiveKey, m_received++, frame), given);
}

} // namespace dynakv::cluster
