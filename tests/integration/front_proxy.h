// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"

#include <QByteArrayList>
#include <QProcess>
#include <QTemporaryDir>

#include <vector>

namespace dynakv::test {

/// A real reverse proxy as a process on the loopback, set up to forward as much as it can, as it
/// comes, over connections to the backend that all its clients share. The destructor ends it.
class FrontProxy
{
public:
    enum class Kind : quint8 {
        Nginx,
        Haproxy,
        LenientHaproxy, ///< With accept-invalid-http-request.
    };

    /// What the proxy took for one request and sent on.
    struct Forwarded
    {
        QByteArray request = {}; ///< Method, space, path: as the client wrote them.
        int status = 0;          ///< What the client was answered.
    };

    FrontProxy(Kind kind, const base::Endpoint &backend);
    ~FrontProxy();
    Q_DISABLE_COPY_MOVE(FrontProxy)

    [[nodiscard]] static bool isInstalled(Kind kind);
    /// True once it accepts connections.
    bool start();
    [[nodiscard]] quint16 port() const { return m_address.port; }
    /// By its own log, from the start; a request comes into it with the end of its answer.
    [[nodiscard]] std::vector<Forwarded> forwarded() const;
    /// What it said at its start, for a failure.
    [[nodiscard]] QByteArray said() const;

private:
    [[nodiscard]] QByteArray configurationFor(const base::Endpoint &backend) const;
    [[nodiscard]] QString path(const char *name) const;

    Kind m_kind;
    base::Endpoint m_address;
    QByteArray m_configuration;
    QTemporaryDir m_directory;
    QProcess m_process;
};

} // namespace dynakv::test
