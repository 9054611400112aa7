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

#include <algorithm>

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
    {
        const auto threads = static_cast<std::size_t>(std::max(config.threads, 1));
        std::vector<std::shared_ptr<HttpMetrics>> metrics(threads);
        for (auto &each : metrics)
            each = std::make_shared<HttpMetrics>();
        for (std::size_t i = 0; i < threads; ++i) {
            ApiContext context{table,
                               coordinator,
                               file,
                               valueBytesMaxOf(config),
                               config.programVersion,
                               currentWallMs,
                               config.durability,
                               m_deletions,
                               config.process,
                               metrics[i]};
            context.otherMetrics = metrics;
            context.otherMetrics.erase(context.otherMetrics.begin() + static_cast<qsizetype>(i));
            const QString name =
                i == 0 ? QStringLiteral("http") : QStringLiteral("http%1").arg(i + 1);
            m_workers.push_back(std::make_unique<HttpWorker>(name, doorConfigOf(config),
                                                             std::move(context), m_commons));
        }
        m_commons.handOver = [this](qintptr descriptor) {
            m_workers[m_turn++ % m_workers.size()]->adopt(descriptor);
        };
        m_commons.resume = [this] { m_workers.front()->resumeAccepting(); };
    }

    base::Result<void> start()
    {
        silenceQtHttpServer();
        const auto address = addressFrom(m_listen.host);
        if (!address)
            return address.error();
        // The listening one last, when the others are there for its clients.
        for (std::size_t i = m_workers.size(); --i > 0;) {
            if (auto started = m_workers[i]->startBehind(); !started)
                return started;
        }
        const auto bound = m_workers.front()->start(*address, m_listen.port);
        if (!bound)
            return bound.error();
        m_port = *bound;
        return {};
    }
    void stop()
    {
        for (const auto &worker : m_workers)
            worker->beginStop(kStopGraceMs);
        for (const auto &worker : m_workers)
            worker->finishStop();
        m_deletions.stop();
    }
    [[nodiscard]] quint16 port() const { return m_port; }

private:
    base::Endpoint m_listen;
    quint16 m_port = 0;
    PrefixDeletions m_deletions;
    DoorCommons m_commons;
    std::size_t m_turn = 0; ///< Of the listening thread alone.
    std::vector<std::unique_ptr<HttpWorker>> m_workers = {};
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
