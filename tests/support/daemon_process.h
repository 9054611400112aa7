// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"
#include "tests/support/rest_probe.h"

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>

#include <functional>
#include <memory>

namespace dynakv::test {

/// A loopback address with a free API port whose cluster port is free as well. Both lie below the
/// range from which the kernel takes the ports of outgoing connections, so that no connection can
/// sit on the port of a node that is down for a moment.
base::Endpoint freeAddress();

/// However this process ends, \a process, which is not started yet, does not outlive it.
void dieWithParent(QProcess &process);

/// Runs the event loop until \a condition holds; false after \a timeoutMs.
bool waitUntil(const std::function<bool()> &condition, int timeoutMs);

/// What a program that ends by itself left behind.
struct Ended
{
    int code = -1; ///< -1: killed, or still running after the time given.
    QByteArray out = {};
    QByteArray err = {};
};
/// Runs dynakvd to its end in \a directory, without the DYNAKV_ variables of this process.
Ended runDaemonToEnd(const QStringList &arguments, const QString &directory,
                     const QMap<QString, QString> &environment = {}, int timeoutMs = 20'000);

/// Starts dynakvd in \a directory as a command that is watched while it runs, without the DYNAKV_
/// variables of this process. \a input and \a output, where they are not empty: files for its
/// standard input and output.
std::unique_ptr<QProcess> startCommand(const QStringList &arguments, const QString &directory,
                                       const QString &input = {}, const QString &output = {});

/// One dynakvd on an address of its own. Its directory survives restarts; its log is collected in
/// a file there. The destructor ends the process, by its id, however it fares.
class DaemonProcess
{
public:
    /// \a directory must exist; the node's data lies in the default place below it.
    DaemonProcess(base::Endpoint address, QString directory);
    ~DaemonProcess();
    Q_DISABLE_COPY_MOVE(DaemonProcess)

    /// Options behind the addresses, for every start from now on.
    void setOptions(QStringList options) { m_options = std::move(options); }
    /// Listens there instead of on the loopback, e.g. 0.0.0.0; it is still asked on the loopback.
    void setListenHost(const QByteArray &host) { m_listenHost = host; }
    /// Starts it with these members to join; true once the API answers (ready or not).
    bool start(const QList<QByteArray> &join = {});
    /// Only begins that; true once the process runs.
    bool launch(const QList<QByteArray> &join = {});
    /// The same as start() with the members of the last start.
    bool restart() { return start(m_join); }

    void killHard(); ///< SIGKILL, and waits for the end.
    void pause();    ///< SIGSTOP.
    void resume();   ///< SIGCONT.
    /// SIGTERM; the exit code, or -1 if it did not end in time or was killed.
    int terminate(int timeoutMs = 20'000);

    [[nodiscard]] bool isRunning() const { return m_process.state() != QProcess::NotRunning; }
    /// Of one that ended by itself; -1 if it was killed.
    [[nodiscard]] int exitCode() const;
    [[nodiscard]] qint64 processId() const { return m_process.processId(); }
    [[nodiscard]] const base::Endpoint &address() const { return m_address; }
    [[nodiscard]] RestProbe rest() const { return RestProbe(m_address); }
    [[nodiscard]] QString dataDirectory() const;
    [[nodiscard]] QByteArray log() const;

private:
    void signal(int number);

    base::Endpoint m_address;
    QByteArray m_listenHost;
    QString m_directory;
    QString m_logPath;
    QStringList m_options;
    QList<QByteArray> m_join;
    QProcess m_process;
};

} // namespace dynakv::test
