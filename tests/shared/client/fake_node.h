// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"

#include <QByteArray>
#include <QHash>
#include <QObject>
#include <QPointer>
#include <QTcpServer>
#include <QTcpSocket>

#include <functional>
#include <utility>
#include <vector>

namespace dynakv::test {

struct FakeRequest
{
    QByteArray method = {};
    QByteArray target = {};
    QHash<QByteArray, QByteArray> headers = {}; ///< Names in lower case.
    QByteArray body = {};
};

/// A small HTTP server on loopback that answers whatever its handler says, so that a test can also
/// send garbage, nothing, or half an answer. Lives on the test's thread.
class FakeNode final : public QObject
{
    Q_OBJECT
public:
    /// The bytes to send as they are; empty: never answer.
    using Handler = std::function<QByteArray(const FakeRequest &)>;

    explicit FakeNode(Handler handler);
    ~FakeNode() override;

    [[nodiscard]] base::Endpoint endpoint() const;
    /// Closes the port and every connection, as a killed process does.
    void kill();
    /// Listens again on the same port.
    bool revive();
    /// Accepts and reads, but never answers, as a stopped process does.
    void setSilent(bool isSilent) { m_isSilent = isSilent; }
    /// Handles requests, but keeps the answers until it is told false.
    void setHolding(bool isHolding);
    /// Closes each connection instead of answering.
    void setClosing(bool isClosing) { m_isClosing = isClosing; }
    [[nodiscard]] const std::vector<FakeRequest> &seen() const { return m_seen; }
    void forgetSeen() { m_seen.clear(); }

    static QByteArray response(int status, const QByteArray &body,
                               const QByteArray &extraHeaders = {},
                               const QByteArray &contentType = "application/json");

private:
    void serve(QTcpSocket *socket);

    Handler m_handler;
    QTcpServer m_server;
    quint16 m_port = 0;
    bool m_isSilent = false;
    bool m_isHolding = false;
    std::vector<std::pair<QPointer<QTcpSocket>, QByteArray>> m_held; ///< Answers, by arrival.
    bool m_isClosing = false;
    std::vector<FakeRequest> m_seen;
};

} // namespace dynakv::test
