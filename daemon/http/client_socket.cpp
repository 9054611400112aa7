// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/client_socket.h"

#include <utility>

namespace dynakv::http {
namespace {

/// What has left is cut off the front of the buffer in steps of at least so much.
constexpr qsizetype kCompactBytes = 256 * 1024;

} // namespace

ClientSocket::ClientSocket(qintptr descriptor)
    : m_descriptor(descriptor)
{
    if (!native::prepare(m_descriptor)) {
        close();
        return;
    }
    m_readNotifier = std::make_unique<QSocketNotifier>(m_descriptor, QSocketNotifier::Read);
    connect(m_readNotifier.get(), &QSocketNotifier::activated, this, [this] { Q_EMIT readable(); });
}

ClientSocket::~ClientSocket()
{
    m_readNotifier.reset();
    m_writeNotifier.reset();
    close();
}

native::Transfer ClientSocket::read(char *data, qsizetype bytesMax)
{
    return isOpen() ? native::receive(m_descriptor, data, bytesMax) : native::Transfer{};
}

void ClientSocket::setReading(bool isOn)
{
    if (m_readNotifier && m_readNotifier->isEnabled() != isOn)
        m_readNotifier->setEnabled(isOn);
}

void ClientSocket::write(QByteArrayView bytes)
{
    if (!isOpen() || bytes.isEmpty())
        return;
    qsizetype sent = 0;
    if (bytesToWrite() == 0) {
        const native::Transfer transfer = native::send(m_descriptor, bytes);
        if (transfer.outcome == native::Outcome::Failed)
            return fail();
        sent = transfer.bytes;
    }
    if (sent == bytes.size())
        return;
    m_unsent.append(bytes.sliced(sent));
    if (!m_writeNotifier) {
        m_writeNotifier = std::make_unique<QSocketNotifier>(m_descriptor, QSocketNotifier::Write);
        connect(m_writeNotifier.get(), &QSocketNotifier::activated, this, &ClientSocket::sendMore);
    }
    m_writeNotifier->setEnabled(true);
}

void ClientSocket::sendMore()
{
    const native::Transfer transfer =
        native::send(m_descriptor, QByteArrayView(m_unsent).sliced(m_sentBytes));
    if (transfer.outcome == native::Outcome::Failed)
        return fail();
    if (transfer.bytes == 0)
        return;
    m_sentBytes += transfer.bytes;
    if (bytesToWrite() == 0) {
        m_unsent = QByteArray();
        m_sentBytes = 0;
        m_writeNotifier->setEnabled(false);
        if (m_endsWriting)
            native::closeWriting(m_descriptor);
    } else if (m_sentBytes >= kCompactBytes && m_sentBytes >= m_unsent.size() / 2) {
        m_unsent.remove(0, std::exchange(m_sentBytes, 0));
    }
    Q_EMIT written();
}

void ClientSocket::closeWriting()
{
    m_endsWriting = true;
    if (isOpen() && bytesToWrite() == 0)
        native::closeWriting(m_descriptor);
}

void ClientSocket::limitSendBuffer(int bytes)
{
    if (isOpen())
        native::limitSendBuffer(m_descriptor, bytes);
}

void ClientSocket::fail()
{
    close();
    // Whoever writes is in the middle of something.
    QMetaObject::invokeMethod(this, &ClientSocket::gone, Qt::QueuedConnection);
}

void ClientSocket::close()
{
    if (!isOpen())
        return;
    // They are told before the system may give the number to somebody else, and go later, since one
    // of them may be what has called.
    for (auto *notifier : {&m_readNotifier, &m_writeNotifier}) {
        if (*notifier) {
            (*notifier)->setEnabled(false);
            notifier->release()->deleteLater();
        }
    }
    native::close(std::exchange(m_descriptor, -1));
    m_unsent = QByteArray();
    m_sentBytes = 0;
}

} // namespace dynakv::http
