// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/frame_codec.h"
#include "daemon/core/message.h"

#include <QTcpSocket>

#include <vector>

namespace dynakv::cluster {

/// The other end of a link, driven by hand: speaks the protocol, or anything else.
class RawPeer : public QObject
{
    Q_OBJECT
public:
    explicit RawPeer(quint16 port);

    QTcpSocket &socket() { return m_socket; }
    bool waitUntilConnected();
    /// Whether the other side has closed the connection.
    [[nodiscard]] bool isClosed() const;

    void write(QByteArrayView bytes) { m_socket.write(bytes.data(), bytes.size()); }
    void send(const core::Message &message);
    /// Preamble and a valid Hello.
    void introduce(core::NodeId id = 77);

    /// Reads only while on; the kernel holds the rest.
    void setReading(bool isReading);
    [[nodiscard]] const std::vector<core::Message> &messages() const { return m_messages; }
    template <typename T>
    [[nodiscard]] int count() const
    {
        int result = 0;
        for (const core::Message &each : m_messages)
            result += std::holds_alternative<T>(each) ? 1 : 0;
        return result;
    }

private:
    void read();

    QTcpSocket m_socket;
    FrameParser m_parser;
    std::vector<core::Message> m_messages;
    bool m_isReading = true;
};

} // namespace dynakv::cluster
