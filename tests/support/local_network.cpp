// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/local_network.h"

#ifdef Q_OS_LINUX
#include <QProcess>
#include <QStandardPaths>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
#endif

namespace dynakv::test {

QByteArray LocalNetwork::hostOf(int machine)
{
    return "10.89.0." + QByteArray::number(machine + 1);
}

#ifdef Q_OS_LINUX
namespace {

int openOwnNamespace()
{
    return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/// The machine's end of its cable is eth0, this one hangs at the switch.
QString portOf(int machine)
{
    return QStringLiteral("port%1").arg(machine);
}

QStringList words(const char *text)
{
    return QString::fromLatin1(text).split(QLatin1Char(' '));
}

} // namespace

LocalNetwork::LocalNetwork(int machines)
    : m_home(openOwnNamespace())
{
    for (const char *bridge : {"switch0", "switch1"}) {
        const QString name = QString::fromLatin1(bridge);
        run("ip", words("link add") << name << words("type bridge"));
        run("ip", words("link set up dev") << name);
    }
    for (int machine = 0; machine < machines && m_failure.isEmpty(); ++machine) {
        if (::unshare(CLONE_NEWNET) != 0) {
            m_failure = QStringLiteral("a further network namespace was refused");
            return;
        }
        m_machines.push_back(openOwnNamespace());
        ::setns(m_home, CLONE_NEWNET);
        const QString there =
            QStringLiteral("/proc/%1/fd/%2").arg(::getpid()).arg(m_machines.back());
        run("ip", words("link add")
                      << portOf(machine) << words("type veth peer name eth0 netns") << there);
        runAt(machine, "ip", words("link set up dev lo"));
        runAt(machine, "ip",
              words("address add") << QString::fromLatin1(hostOf(machine)) + QStringLiteral("/24")
                                   << words("dev eth0"));
        runAt(machine, "ip", words("link set up dev eth0"));
        join({machine});
        plug(machine);
    }
}

LocalNetwork::~LocalNetwork()
{
    for (std::size_t machine = 0; machine < m_machines.size(); ++machine) {
        // A namespace outlives its last process for a moment, and this one meets the next network.
        run("ip", words("link delete") << portOf(static_cast<int>(machine)));
        ::close(m_machines[machine]);
    }
    for (const char *bridge : {"switch0", "switch1"})
        run("ip", words("link delete") << QString::fromLatin1(bridge));
    ::close(m_home);
}

LocalNetwork::At::At(const LocalNetwork &network, int machine)
    : m_home(network.m_home)
{
    ::setns(network.m_machines.at(static_cast<std::size_t>(machine)), CLONE_NEWNET);
}

LocalNetwork::At::~At()
{
    ::setns(m_home, CLONE_NEWNET);
}

void LocalNetwork::run(const char *program, const QStringList &arguments)
{
    const QString name = QString::fromLatin1(program);
    QString path = QStandardPaths::findExecutable(name);
    if (path.isEmpty()) {
        path = QStandardPaths::findExecutable(
            name, {QStringLiteral("/usr/sbin"), QStringLiteral("/sbin")});
    }
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(path, arguments);
    const bool isDone = !path.isEmpty() && process.waitForFinished(10'000) &&
                        process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
    if (!isDone && m_failure.isEmpty()) {
        m_failure = name + QLatin1Char(' ') + arguments.join(QLatin1Char(' ')) +
                    QStringLiteral(": ") +
                    (path.isEmpty() ? QStringLiteral("it is not installed (package iproute2)")
                                    : QString::fromUtf8(process.readAll()).trimmed());
    }
}

void LocalNetwork::runAt(int machine, const char *program, const QStringList &arguments)
{
    const At at(*this, machine);
    run(program, arguments);
}

void LocalNetwork::unplug(int machine)
{
    run("ip", words("link set down dev") << portOf(machine));
}

void LocalNetwork::plug(int machine)
{
    run("ip", words("link set up dev") << portOf(machine));
}

void LocalNetwork::split(const std::vector<int> &machines)
{
    for (const int machine : machines)
        run("ip", words("link set master switch1 dev") << portOf(machine));
}

void LocalNetwork::join(const std::vector<int> &machines)
{
    for (const int machine : machines)
        run("ip", words("link set master switch0 dev") << portOf(machine));
}

// A queue without room drops all; the queue for loss by chance, netem, is not in every kernel.
void LocalNetwork::deafen(int machine)
{
    run("tc", words("qdisc replace dev") << portOf(machine) << words("root pfifo limit 0"));
}

void LocalNetwork::mute(int machine)
{
    runAt(machine, "tc", words("qdisc replace dev eth0 root pfifo limit 0"));
}

void LocalNetwork::endLoss(int machine)
{
    run("tc", words("qdisc replace dev") << portOf(machine) << words("root pfifo limit 1000"));
    runAt(machine, "tc", words("qdisc replace dev eth0 root pfifo limit 1000"));
}

/// Sent to a card that nobody has.
void LocalNetwork::loseFromTo(int from, int to)
{
    runAt(from, "ip",
          words("neighbour replace") << QString::fromLatin1(hostOf(to))
                                     << words("lladdr 02:00:00:00:00:01 nud permanent dev eth0"));
}

void LocalNetwork::endLossFromTo(int from, int to)
{
    runAt(from, "ip",
          words("neighbour delete") << QString::fromLatin1(hostOf(to)) << words("dev eth0"));
}
#else
LocalNetwork::LocalNetwork(int)
    : m_failure(QStringLiteral("needs Linux"))
{
}

LocalNetwork::~LocalNetwork() = default;

LocalNetwork::At::At(const LocalNetwork &network, int)
    : m_home(network.m_home)
{
}

LocalNetwork::At::~At() = default;

void LocalNetwork::run(const char *, const QStringList &) {}
void LocalNetwork::runAt(int, const char *, const QStringList &) {}
void LocalNetwork::unplug(int) {}
void LocalNetwork::plug(int) {}
void LocalNetwork::split(const std::vector<int> &) {}
void LocalNetwork::join(const std::vector<int> &) {}
void LocalNetwork::deafen(int) {}
void LocalNetwork::mute(int) {}
void LocalNetwork::endLoss(int) {}
void LocalNetwork::loseFromTo(int, int) {}
void LocalNetwork::endLossFromTo(int, int) {}
#endif

} // namespace dynakv::test
