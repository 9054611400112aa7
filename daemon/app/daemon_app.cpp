// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/daemon_app.h"

#include "daemon/app/descriptor_limit.h"
#include "daemon/app/addresses.h"
#include "daemon/app/cluster_secret.h"
#include "daemon/app/logging.h"
#include "daemon/app/machine_memory.h"
#include "daemon/app/origin_rule.h"
#include "daemon/app/process_stats.h"
#include "daemon/app/service.h"
#include "daemon/app/set_aside_command.h"
#include "daemon/cluster/persisted_state_codec.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QHostInfo>
#include <QLocale>
#include <QLoggingCategory>
#include <QRandomGenerator>
#include <QThread>

#include <algorithm>

namespace dynakv::app {
namespace {

Q_LOGGING_CATEGORY(lcApp, "dynakv.app")

constexpr int kStatusMs = 1000;

StartFailure storageFailure(const base::Error &error)
{
    switch (error.code) {
    case base::ErrorCode::Corrupt:
    case base::ErrorCode::Unsupported:
        return {ExitCode::BadData, error.message};
    case base::ErrorCode::Io:
    case base::ErrorCode::NoSpace:
        return {ExitCode::Io, error.message};
    case base::ErrorCode::Invalid:
    case base::ErrorCode::NotFound:
    case base::ErrorCode::Conflict:
    case base::ErrorCode::Busy:
    case base::ErrorCode::Denied:
    case base::ErrorCode::Unavailable:
    case base::ErrorCode::TimedOut:
        break;
    }
    return {ExitCode::CannotCreate, error.message};
}

/// The tree is keyed by the cluster; a state that cannot be read stops the start later.
quint64 treeKeyOf(const storage::Metas &metas)
{
    const auto stored = metas.find(cluster::kStateMetaName.toByteArray());
    if (stored == metas.end())
        return 0;
    const auto state = cluster::decodeState(stored->second);
    return state ? state->clusterId : 0;
}

quint64 randomId()
{
    quint64 id = 0;
    while (id == 0)
        id = QRandomGenerator::system()->generate64();
    return id;
}

/// Half of the cores: the other half is for the node, the storage and whoever else lives here.
int usualHttpThreads()
{
    return std::clamp(QThread::idealThreadCount() / 2, 1, 8);
}

QByteArray sizeText(qint64 bytes)
{
    return QLocale::c().formattedDataSize(bytes, 1).toUtf8();
}

} // namespace

DaemonApp::DaemonApp(Options options)
    : m_options(std::move(options))
{
}

DaemonApp::~DaemonApp() = default;

std::optional<StartFailure> DaemonApp::start()
{
    for (const auto step : {&DaemonApp::settleAddresses, &DaemonApp::openStorage,
                            &DaemonApp::startNode, &DaemonApp::startApi}) {
        if (auto failure = (this->*step)()) {
            stop();
            return failure;
        }
    }
    announce();
    return std::nullopt;
}

std::optional<StartFailure> DaemonApp::settleAddresses()
{
    const auto listen = resolveListen(m_options.listen);
    if (!listen)
        return StartFailure{ExitCode::Unavailable, listen.error().message};
    if (!listen->isLoopback() && !m_options.allowsRemote) {
        return StartFailure{
            ExitCode::Unsafe,
            "refused to listen on " + m_options.listen.toString() +
                ": other machines could reach it, and without authentication they could read and "
                "change everything; use 127.0.0.1:" +
                QByteArray::number(listen->port) +
                ", or add --insecure-allow-remote where the network itself is trusted"};
    }
    m_listen = *listen;
    return probeAddresses(m_listen, {m_listen.host, m_options.clusterPort});
}

std::optional<StartFailure> DaemonApp::openStorage()
{
    // A large file takes longer than a service manager's patience for a start.
    notifyServiceManager("STATUS=Recovering the data file\nEXTEND_TIMEOUT_USEC=900000000");
    m_storage = std::make_unique<storage::StorageWorker>(storage::realFileSystem(), m_table,
                                                         m_options.durability, treeKeyOf);
    auto report = m_storage->open(m_options.dataDir);
    if (!report)
        return storageFailure(report.error());
    m_table.startChanges(randomId(), QDateTime::currentMSecsSinceEpoch());
    m_report = std::move(*report);
    m_state.mayLack = m_report.mayLack;
    tellOfFile();

    const auto &metas = m_storage->metas();
    const auto stored = metas.find(cluster::kStateMetaName.toByteArray());
    if (stored == metas.end()) {
        m_state.node = randomId();
        return std::nullopt;
    }
    auto state = cluster::decodeState(stored->second);
    if (!state) {
        return StartFailure{ExitCode::BadData,
                            "the node's identity in " + m_options.dataDir.toUtf8() +
                                "/storage.db cannot be read: " + state.error().message};
    }
    m_state = std::move(*state);
    m_state.mayLack = m_state.mayLack || m_report.mayLack; // From an earlier start, or new.
    m_table.setTreeKey(m_state.clusterId);
    return std::nullopt;
}

/// Before anything else can stop the start, and before anybody is served: an end is cut off once.
void DaemonApp::tellOfFile() const
{
    if (m_report.tornBytes > 0) {
        qCWarning(lcApp,
                  "the data file ended in %lld bytes of an unfinished write, never acknowledged; "
                  "cut off and kept in %s",
                  static_cast<long long>(m_report.tornBytes), qUtf8Printable(m_report.tornKeptAt));
    }
    if (m_report.isSuperblockDamaged) {
        qCWarning(lcApp, "one of the data file's two superblocks is damaged; the other one was "
                         "read, and the file is being rewritten: check the disk");
    }
}

std::optional<StartFailure> DaemonApp::startNode()
{
    const QStringList setAside = filesSetAside(m_options.dataDir);
    if (auto refused = refusedByOrigin({m_storage->metas(), m_state, m_table.recordCount(),
                                        !m_options.join.empty(), !setAside.isEmpty()}))
        return refused;
    for (const QString &name : setAside) {
        m_options.remarks.push_back(
            QDir(m_options.dataDir).absoluteFilePath(name).toUtf8() +
            " is what a forgotten node held here: `dynakvd export --file` looks into it; remove it "
            "when it is of no use any more");
    }
    QByteArray secret;
    if (!m_options.clusterSecretFile.isEmpty()) {
        auto read = readClusterSecret(m_options.clusterSecretFile);
        if (!read)
            return StartFailure{ExitCode::BadSecret, read.error().message};
        secret = *std::move(read);
    }
    settleMemory();
    JoinPlan plan = planJoin(m_options.join, m_listen, ownHosts());
    m_options.remarks.insert(m_options.remarks.end(), plan.remarks.begin(), plan.remarks.end());

    cluster::NodeServiceConfig config;
    config.state = m_state;
    config.clusterSecret = std::move(secret);
    config.node.api = m_listen;
    if (m_options.advertise.port != 0)
        config.node.api.port = m_options.advertise.port;
    config.node.cluster = {m_listen.host, m_options.clusterPort};
    config.node.advertisedHost = m_options.advertise.host;
    config.node.join = std::move(plan.targets);
    config.node.durability = m_options.durability;
    config.node.memoryBytesMax = m_memoryBytesMax;
    config.node.purgeDelayMs = qint64{m_options.purgeAfterS} * 1000;
    config.node.programVersion = DYNAKV_VERSION;
    config.node.bootId = randomId();
    config.node.seed = randomId();
    m_node = std::make_unique<cluster::NodeService>(std::move(config), m_table, *m_storage);
    if (const auto started = m_node->start(); !started) {
        const bool isFile = started.error().code == base::ErrorCode::NoSpace ||
                            started.error().code == base::ErrorCode::Io;
        return isFile ? storageFailure(started.error())
                      : StartFailure{ExitCode::Unavailable, started.error().message};
    }
    return forgetLoss();
}

/// From here on the node's own state remembers that it has to be repaired.
std::optional<StartFailure> DaemonApp::forgetLoss()
{
    const auto loss = m_storage->metas().find(storage::kLossMetaName.toByteArray());
    if (loss == m_storage->metas().end() || loss->second.isEmpty())
        return std::nullopt;
    m_options.remarks.push_back("the data file was put together by `dynakvd recover`: " +
                                loss->second);
    storage::CommitRequest request;
    request.metas[storage::kLossMetaName.toByteArray()] = {};
    if (const auto stored = m_storage->commitAndWait(std::move(request)); !stored)
        return storageFailure(stored.error());
    return std::nullopt;
}

void DaemonApp::settleMemory()
{
    m_memoryBytesMax = m_options.memoryMax.bytes;
    if (m_memoryBytesMax != 0)
        return;
    m_memoryBytesMax = machineMemoryBytes() / 100 * m_options.memoryMax.percent;
    if (m_memoryBytesMax == 0)
        m_options.remarks.push_back("this system does not tell how much memory there is: there is "
                                    "no limit; set --max-memory to a size");
}

std::optional<StartFailure> DaemonApp::startApi()
{
    http::RestServerConfig config;
    config.listen = m_listen;
    config.isHostCheckOff = m_options.allowsRemote && m_options.allowedHosts.empty();
    config.allowedHosts = m_options.allowedHosts;
    config.allowedHosts.push_back(QHostInfo::localHostName().toLatin1().toLower());
    config.allowedHosts.push_back(m_options.listen.host);
    if (!m_options.advertise.isEmpty())
        config.allowedHosts.push_back(m_options.advertise.host);
    config.valueBytesMax = m_options.valueBytesMax;
    config.connectionsMax = m_options.connectionsMax;
    config.threads = m_options.httpThreads > 0 ? m_options.httpThreads : usualHttpThreads();
    config.durability = m_options.durability;
    config.programVersion = DYNAKV_VERSION;
    config.process = {processStats, changeLogRules, m_memoryBytesMax, m_options.slowRequestMs};
    m_rest = std::make_unique<http::RestServer>(std::move(config), m_table, *m_node, *m_storage);
    if (const auto started = m_rest->start(); !started)
        return StartFailure{ExitCode::Unavailable, started.error().message};
    return std::nullopt;
}

void DaemonApp::announce() const
{
    const bool isMemory = m_options.durability == core::Durability::Memory;
    const store::TableStats stats = m_table.stats();
    const QByteArray file =
        isMemory ? "no data file"
                 : QDir(m_options.dataDir).absoluteFilePath(QStringLiteral("storage.db")).toUtf8() +
                       " (" + sizeText(m_report.fileBytes) + (m_report.isNew ? ", new)" : ")");
    qCInfo(lcApp,
           "dynakvd %s: API http://%s, cluster %s, node %s, %lld keys, %s, durability %s, "
           "memory limit %s",
           DYNAKV_VERSION, m_listen.toString().constData(),
           base::Endpoint{m_listen.host, m_node->clusterPort()}.toString().constData(),
           core::toHex16(m_state.node).constData(),
           static_cast<long long>(stats.records - stats.tombstones), file.constData(),
           core::toText(m_options.durability).constData(),
           m_memoryBytesMax == 0 ? "none" : sizeText(m_memoryBytesMax).constData());
    for (const QByteArray &remark : m_options.remarks)
        qCWarning(lcApp, "%s", remark.constData());
    if (isMemory)
        qCWarning(lcApp,
                  "--durability memory: nothing is written to disk, a restart forgets it all");
    if (!m_listen.isLoopback()) {
        qCWarning(lcApp,
                  "--insecure-allow-remote: whoever reaches %s can read and change everything%s; "
                  "keep it inside a network that you trust",
                  m_listen.toString().constData(),
                  m_options.clusterSecretFile.isEmpty()
                      ? ", and any node can join, since there is no --cluster-secret-file"
                      : "");
    }
}

int DaemonApp::serve()
{
    QObject::connect(&m_signals, &StopSignals::stopRequested, qApp, &QCoreApplication::quit);
    QObject::connect(&m_statusTimer, &QTimer::timeout, &m_statusTimer, [this] { tellStatus(); });
    m_statusTimer.start(kStatusMs);
    notifyServiceManager("READY=1");
    tellStatus();
    QCoreApplication::exec();
    qCInfo(lcApp, "stopping");
    stop();
    qCInfo(lcApp, "stopped");
    return static_cast<int>(ExitCode::Done);
}

void DaemonApp::tellStatus()
{
    const auto view = m_node->clusterView();
    const auto alive =
        std::count_if(view->members.begin(), view->members.end(),
                      [](const auto &each) { return each.state == core::MemberState::Alive; });
    const QByteArray status = view->readiness == core::Readiness::Ready
                                  ? "STATUS=Ready; " + QByteArray::number(alive) + " of " +
                                        QByteArray::number(view->members.size()) + " members alive"
                                  : "STATUS=Not ready: " + view->detail;
    if (status == m_status)
        return;
    m_status = status;
    notifyServiceManager(status);
}

void DaemonApp::stop()
{
    m_statusTimer.stop();
    notifyServiceManager("STOPPING=1\nSTATUS=Stopping");
    // The API first: what is in flight there is still answered by the node. Then the node, whose
    // last records the storage still takes.
    if (m_rest)
        m_rest->stop();
    if (m_node)
        m_node->stop();
    m_rest.reset();
    m_node.reset();
    m_storage.reset();
}

int runDaemon(const Options &options)
{
    startLogging(options.logRules, options.logFormat);
    raiseDescriptorLimit();
    DaemonApp daemon(options);
    if (const auto failure = daemon.start())
        return reportFailure(*failure);
    const int code = daemon.serve();
    finishLogging();
    return code;
}

} // namespace dynakv::app
