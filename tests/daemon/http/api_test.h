// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/router.h"
#include "tests/daemon/http/api_fixture.h"

#include <QObject>

#include <memory>

namespace dynakv::test {

/// The handlers as functions: a request value goes in, an answer or a write comes out. The table is
/// real, the node is not.
class ApiTest : public QObject
{
    Q_OBJECT
protected:
    static constexpr qint64 kNowMs = 1'650'000'000'000;
    static constexpr qsizetype kValueBytesMax = 1000;

    [[nodiscard]] http::HttpReply get(const QByteArray &target);
    [[nodiscard]] http::HttpReply reply(const http::HttpRequest &request);
    [[nodiscard]] http::PendingWrite write(const http::HttpRequest &request);
    static http::HttpRequest request(http::Method method, const QByteArray &target);
    static http::HttpRequest put(const QByteArray &target, const QByteArray &body,
                                 const QByteArray &contentType = "application/json");
    void store(const QByteArray &key, const QByteArray &value, const QByteArray &contentType = {},
               qint64 expiresAtMs = 0);

    std::unique_ptr<ApiFixture> m_api;
    quint64 m_clock = 0;

private Q_SLOTS:
    void init();
};

} // namespace dynakv::test
