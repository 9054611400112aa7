// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/daemon_process.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QProcessEnvironment>
#include <QRandomGenerator>
#include <QTcpServer>
#include <QTest>

#include <algorithm>
#include <csignal>
#include <set>

#ifdef Q_OS_LINUX
#include <sys/prctl.h>
#endif

namespace dynakv::test {
namespace {

bool isFree(quint16 port)
{
    QTcpServer server;
    return server.listen(QHostAddress::LocalHost, port);
}

QProcessEnvironment cleanEnvironment()
{
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    for (const QString &name : environment.keys()) {
        if (name.startsWith(QLatin1String("DYNAKV_")))
            environment.remove(name);
    }
    return environment;
}

/// Whether every thread of \a pid stands still. The kernel stops them one by one after kill()
/// returned; elsewhere than on Linux nobody tells.
bool isStopped(qint64 pid)
{
#ifdef Q_OS_LINUX
    const QDir tasks(QStringLiteral("/proc/%1/task").arg(pid));
    const QStringList threads = tasks.entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    return std::all_of(threads.begin(), threads.end(), [&](const QString &thread) {
        QFile stat(tasks.filePath(thread + QStringLiteral("/stat")));
        return !stat.open(QIODevice::ReadOnly) || stat.readAll().contains(") T ");
    });
#else
    Q_UNUSED(pid);
    return true;
#endif
}

} // namespace

void dieWithParent(QProcess &process)
{
#ifdef Q_OS_LINUX
    process.setChildProcessModifier([] { ::prctl(PR_SET_PDEATHSIG, SIGKILL); });
#else
    Q_UNUSED(process);
#endif
}

base::Endpoint freeAddress()
{
    constexpr int first = 11'000;
    constexpr int last =
        16'000; // Their cluster ports end at 26000; the kernel's range begins at 32768.
    static std::set<int> given; // A node that is down still owns its ports.
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const int port = QRandomGenerator::global()->bounded(first, last);
        const auto api = static_cast<quint16>(port);
        if (!given.contains(port) && isFree(api) && isFree(base::defaultClusterPort(api))) {
            given.insert(port);
            return {"127.0.0.1", api};
        }
    }
    qFatal("no free port between %d and %d", first, last);
}

bool waitUntil(const std::function<bool()> &condition, int timeoutMs)
{
    // Where all of the machine stands still for a while, so does what is waited for: no round
    // counts for more.
    constexpr qint64 kRoundMsMax = 500;
    QElapsedTimer round;
    for (qint64 leftMs = timeoutMs; leftMs > 0;) {
        round.start();
        if (condition())
            return true;
        QTest::qWait(20);
        leftMs -= std::min(round.elapsed(), kRoundMsMax);
    }
    return condition();
}

Ended runDaemonToEnd(const QStringList &arguments, const QString &directory,
                     const QMap<QString, QString> &environment, int timeoutMs)
{
    QProcess process;
    QProcessEnvironment variables = cleanEnvironment();
    for (auto it = environment.begin(); it != environment.end(); ++it)
        variables.insert(it.key(), it.value());
    process.setProcessEnvironment(variables);
    process.setWorkingDirectory(directory);
    dieWithParent(process);
    process.start(QStringLiteral(DYNAKV_DAEMON_PATH), arguments);
    const bool isOver = process.waitForFinished(timeoutMs);
    if (!isOver) {
        process.kill();
        process.waitForFinished();
    }
    const bool isExit = isOver && process.exitStatus() == QProcess::NormalExit;
    return {isExit ? process.exitCode() : -1, process.readAllStandardOutput(),
            process.readAllStandardError()};
}

std::unique_ptr<QProcess> startCommand(const QStringList &arguments, const QString &directory,
                                       const QString &input, const QString &output)
{
    auto process = std::make_unique<QProcess>();
    process->setProcessEnvironment(cleanEnvironment());
    process->setWorkingDirectory(directory);
    if (!input.isEmpty())
        process->setStandardInputFile(input);
    if (!output.isEmpty())
        process->setStandardOutputFile(output);
    dieWithParent(*process);
    process->start(QStringLiteral(DYNAKV_DAEMON_PATH), arguments);
    process->waitForStarted();
    return process;
}

DaemonProcess::DaemonProcess(base::Endpoint address, QString directory)
    : m_address(std::move(address))
    , m_listenHost(m_address.host)
    , m_directory(std::move(directory))
    , m_logPath(m_directory + QStringLiteral("/node-%1.log").arg(m_address.port))
{
    m_process.setProcessEnvironment(cleanEnvironment());
    m_process.setWorkingDirectory(m_directory);
    m_process.setProcessChannelMode(QProcess::MergedChannels);
    m_process.setStandardOutputFile(m_logPath, QIODevice::Append);
    dieWithParent(m_process);
}

DaemonProcess::~DaemonProcess()
{
    killHard();
}

bool DaemonProcess::launch(const QList<QByteArray> &join)
{
    m_join = join;
    const base::Endpoint listen{m_listenHost, m_address.port};
    QStringList arguments{QString::fromLatin1(listen.toString())};
    for (const QByteArray &each : join)
        arguments.push_back(QString::fromLatin1(each));
    m_process.start(QStringLiteral(DYNAKV_DAEMON_PATH), arguments + m_options);
    return m_process.waitForStarted();
}

bool DaemonProcess::start(const QList<QByteArray> &join)
{
    if (!launch(join))
        return false;
    constexpr int startMs = 20'000; // Sanitized builds on a busy machine.
    return waitUntil([this] { return !isRunning() || rest().get("/livez", 1000).status == 200; },
                     startMs) &&
           isRunning();
}

void DaemonProcess::killHard()
{
    if (!isRunning())
        return;
    m_process.kill();
    m_process.waitForFinished();
}

void DaemonProcess::pause()
{
    signal(SIGSTOP);
    waitUntil([this] { return isStopped(m_process.processId()); }, 5000);
}

void DaemonProcess::resume()
{
    signal(SIGCONT);
}

int DaemonProcess::terminate(int timeoutMs)
{
    signal(SIGTERM);
    return m_process.waitForFinished(timeoutMs) ? exitCode() : -1;
}

int DaemonProcess::exitCode() const
{
    return m_process.exitStatus() == QProcess::NormalExit ? m_process.exitCode() : -1;
}

QString DaemonProcess::dataDirectory() const
{
    return m_directory + QStringLiteral("/dynakv-%1").arg(m_address.port);
}

QByteArray DaemonProcess::log() const
{
    QFile file(m_logPath);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void DaemonProcess::signal(int number)
{
    if (isRunning())
        ::kill(static_cast<pid_t>(m_process.processId()), number);
}

} // namespace dynakv::test
