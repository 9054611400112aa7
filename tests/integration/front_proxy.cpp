// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/front_proxy.h"

#include "tests/support/daemon_process.h"
#include "tests/support/file_bytes.h"

#include <QStandardPaths>
#include <QTcpSocket>

namespace dynakv::test {
namespace {

// One process under the user of this test, so that the temporary directory is all it needs. A
// request that goes on before its body is there has its chunks forwarded as chunks.
constexpr char kNginx[] = R"(
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.error;
events { worker_connections 256; }
http {
    log_format judge '$upstream_status $status $request';
    access_log forwarded.log judge;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    ignore_invalid_headers off;
    underscores_in_headers on;
    merge_slashes off;
    large_client_header_buffers 4 64k;
    client_header_timeout 1s;
    client_body_timeout 1s;
    keepalive_timeout 1s;
    upstream backend {
        server @BACKEND@;
        keepalive 1;
    }
    server {
        listen @ADDRESS@;
        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_request_buffering off;
            proxy_next_upstream off;
        }
    }
}
)";

constexpr char kHaproxy[] = R"(
global
    nbthread 1
    log stdout format raw daemon
    tune.bufsize 65536
defaults
    mode http
    log global
    log-format "%s %ST %r"
    option http-keep-alive
    http-reuse always
    retries 0
    timeout connect 2s
    timeout client 1s
    timeout http-request 1s
    timeout server 3s
listen door
    bind @ADDRESS@
    @LENIENT@
    server backend @BACKEND@
)";

QString programOf(FrontProxy::Kind kind)
{
    const QString name =
        kind == FrontProxy::Kind::Nginx ? QStringLiteral("nginx") : QStringLiteral("haproxy");
    // Debian has them where only root looks.
    const QString found = QStandardPaths::findExecutable(name);
    return found.isEmpty() ? QStandardPaths::findExecutable(name, {QStringLiteral("/usr/sbin")})
                           : found;
}

/// "PUT http://localhost/key/a?w=1 HTTP/1.1" is the request "PUT /key/a", as the daemon logs it.
QByteArray requestOf(const QByteArray &line)
{
    const qsizetype afterMethod = line.indexOf(' ');
    const qsizetype beforeVersion = line.lastIndexOf(' ');
    QByteArray target = line.mid(afterMethod + 1, beforeVersion - afterMethod - 1);
    if (const qsizetype scheme = target.indexOf("://"); scheme > 0 && target.front() != '/')
        target = target.mid(qMax(target.indexOf('/', scheme + 3), qsizetype{0}));
    return line.left(afterMethod + 1) + target.split('?').first();
}

} // namespace

FrontProxy::FrontProxy(Kind kind, const base::Endpoint &backend)
    : m_kind(kind)
    , m_address(freeAddress())
    , m_configuration(configurationFor(backend))
{
    m_process.setWorkingDirectory(m_directory.path());
    m_process.setStandardOutputFile(path(kind == Kind::Nginx ? "said" : "forwarded.log"));
    m_process.setStandardErrorFile(path("errors"));
    dieWithParent(m_process);
}

FrontProxy::~FrontProxy()
{
    m_process.kill();
    m_process.waitForFinished();
}

bool FrontProxy::isInstalled(Kind kind)
{
    return !programOf(kind).isEmpty();
}

bool FrontProxy::start()
{
    if (!writeFile(path("proxy.conf"), m_configuration))
        return false;
    const QStringList nginx{QStringLiteral("-p"), m_directory.path(),   QStringLiteral("-e"),
                            path("nginx.error"),  QStringLiteral("-c"), path("proxy.conf")};
    const QStringList haproxy{QStringLiteral("-db"), QStringLiteral("-f"), path("proxy.conf")};
    m_process.start(programOf(m_kind), m_kind == Kind::Nginx ? nginx : haproxy);
    const auto accepts = [this] {
        QTcpSocket socket;
        socket.connectToHost(QString::fromLatin1(m_address.host), m_address.port);
        return socket.waitForConnected(1000);
    };
    return m_process.waitForStarted() &&
           waitUntil([&] { return m_process.state() == QProcess::NotRunning || accepts(); },
                     30'000) &&
           m_process.state() == QProcess::Running;
}

std::vector<FrontProxy::Forwarded> FrontProxy::forwarded() const
{
    std::vector<Forwarded> all;
    for (const QByteArray &line : readFile(path("forwarded.log")).split('\n')) {
        const qsizetype first = line.indexOf(' ');
        const qsizetype second = line.indexOf(' ', first + 1);
        const QByteArray backend = line.left(first);
        if (second < 0 || backend == "-" || backend.endsWith("<NOSRV>"))
            continue;
        all.push_back(
            {requestOf(line.sliced(second + 1)), line.mid(first + 1, second - first - 1).toInt()});
    }
    return all;
}

QByteArray FrontProxy::said() const
{
    return readFile(path("errors")) + readFile(path("nginx.error"));
}

QByteArray FrontProxy::configurationFor(const base::Endpoint &backend) const
{
    QByteArray text = m_kind == Kind::Nginx ? kNginx : kHaproxy;
    text.replace("@ADDRESS@", m_address.toString());
    text.replace("@BACKEND@", backend.toString());
    text.replace("@LENIENT@",
                 m_kind == Kind::LenientHaproxy ? "option accept-invalid-http-request" : "");
    return text;
}

QString FrontProxy::path(const char *name) const
{
    return m_directory.filePath(QLatin1String(name));
}

} // namespace dynakv::test
