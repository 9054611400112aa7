// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>

#include <vector>

namespace dynakv::test {

/// Machines on a switch: network namespaces on a bridge, with faults that their processes cannot
/// tell from real ones. None of it has a name outside of this process, so that it is gone with the
/// last process in it, however that ends. Needs takeOwnNetwork() before, and the programs `ip` and
/// `tc`.
class LocalNetwork
{
public:
    /// Machine i has the address 10.89.0.(i + 1).
    explicit LocalNetwork(int machines);
    ~LocalNetwork();
    Q_DISABLE_COPY_MOVE(LocalNetwork)

    /// What could not be done, with the words of the program that refused it; empty if all could.
    [[nodiscard]] const QString &failure() const { return m_failure; }
    [[nodiscard]] static QByteArray hostOf(int machine);

    /// As long as it lives this thread is on that machine: the sockets that it makes and the
    /// processes that it starts belong there for good. Not to be nested.
    class At
    {
    public:
        At(const LocalNetwork &network, int machine);
        ~At();
        Q_DISABLE_COPY_MOVE(At)

    private:
        int m_home;
    };

    /// The cable: everything to and from the machine is lost in silence.
    void unplug(int machine);
    void plug(int machine);
    /// Moves these machines to a second switch, without a way to the first one.
    void split(const std::vector<int> &machines);
    void join(const std::vector<int> &machines);
    /// Loss in one direction: nothing comes to the machine any more, or nothing from it.
    void deafen(int machine);
    void mute(int machine);
    void endLoss(int machine);
    /// Packets from one machine to the other get lost; all others arrive.
    void loseFromTo(int from, int to);
    void endLossFromTo(int from, int to);

private:
    void run(const char *program, const QStringList &arguments);
    void runAt(int machine, const char *program, const QStringList &arguments);

    int m_home = -1;
    std::vector<int> m_machines; ///< Descriptors of their namespaces.
    QString m_failure;
};

} // namespace dynakv::test
