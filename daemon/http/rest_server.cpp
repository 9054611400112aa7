// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/rest_server.h"

#include "daemon/core/coordinator.h"
#include "daemon/http/http_worker.h"
#include "daemon/http/prefix_deletions.h"
#include "daemon/http/quiet_qt.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <QDateTime>
#include <QHostInfo>
#include <QSysInfo>

namespace dynakv::http {
namespace {

constexpr int kStopGraceMs = 2000;
/// What may stand around a value in its JSON envelope.
constexpr qsizetype kEnvelopeBytesMax = 64 * 1024;

qsizetype valueBytesMaxOf(const RestServerConfig &config)
{
    return config.valueBytesMax > 0 ? config.valueBytesMax : base::limits::kValueBytesDefault;
}

HostRule hostRuleOf(const RestServerConfig &config)
{
    HostRule rule{config.isHostCheckOff, config.allowedHosts};
    rule.names.push_back(QSysInfo::machineHostName().toUtf8());
    rule.names.push_back(config.listen.host);
    for (QByteArray &name : rule.names)
        name = name.toLower();
    return rule;
}

FrontDoorConfig doorConfigOf(const RestServerConfig &config)
{
    FrontDoorConfig usual;
    usual.connectionsMax = config.connectionsMax;
    FrontDoorConfig door = config.door.value_or(usual);
    door.hosts = hostRuleOf(config);
    door.bodyBytesMax = valueBytesMaxOf(config) + kEnvelopeBytesMax;
    door.bodyBytesMaxOf = {{"/v1/batch", base::limits::kBatchBytesMax}};
    return door;
}

qint64 currentWallMs()
{
    return QDateTime::currentMSecsSinceEpoch();
}

base::Result<QHostAddress> addressFrom(const QByteArray &host)
{
    if (host == "localhost")
        return QHostAddress(QHostAddress::LocalHost);
    if (const QHostAddress literal(QString::fromUtf8(host)); !literal.isNull())
        return literal;
    const QHostInfo info = QHostInfo::fromName(QString::fromUtf8(host));
    if (info.addresses().isEmpty()) {
        return {base::ErrorCode::Invalid,
                "the name '" + host + "' has no address; listen on an IP address of this machine"};
    }
    return info.addresses().constFirst();
}

} // namespace

class RestServer::Impl
{
public:
    Impl(RestServerConfig config, const store::Table &table, core::Coordinator &coordinator,
         storage::FileKeeper &file)
        : m_listen(config.listen)
        , m_deletions(table, coordinator, currentWallMs)
        , m_worker(QStringLiteral("http"), doorConfigOf(config),
                   {table, coordinator, file, valueBytesMaxOf(config), config.programVersion,
                    currentWallMs, config.durability, m_deletions, config.process})
    {
    }

    base::Result<void> start()
    {
        silenceQtHttpServer();
        const auto address = addressFrom(m_listen.host);
        if (!address)
            return address.error();
        const auto bound = m_worker.start(*address, m_listen.port);
        if (!bound)
            return bound.error();
        m_port = *bound;
        return {};
    }
    void stop()
    {
        m_worker.stop(kStopGraceMs);
        m_deletions.stop();
    }
    [[nodiscard]] quint16 port() const { return m_port; }

private:
    base::Endpoint m_listen;
    quint16 m_port = 0;
    PrefixDeletions m_deletions;
    HttpWorker m_worker;
};

RestServer::RestServer(RestServerConfig config, const store::Table &table,
                       core::Coordinator &coordinator, storage::FileKeeper &file)
    : m_impl(std::make_unique<Impl>(std::move(config), table, coordinator, file))
{
}

RestServer::~RestServer()
{
    stop();
}

base::Result<void> RestServer::start()
{
    return m_impl->start();
}

void RestServer::stop()
{
    m_impl->stop();
}

quint16 RestServer::port() const
{
    return m_impl->port();
}

} // namespace dynakv::http
