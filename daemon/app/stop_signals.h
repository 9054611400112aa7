// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include <memory>

namespace dynakv::app {

/// Turns SIGTERM, SIGINT and SIGHUP (on Windows: Ctrl-C, Ctrl-Break, closing the console, shutdown)
/// into a Qt signal on the owner's thread. A second one ends the process at once with code 130:
/// whoever presses Ctrl-C twice does not want to wait.
///
/// At most one object at a time. Thread: main.
class StopSignals final : public QObject
{
    Q_OBJECT
public:
    explicit StopSignals(QObject *parent = nullptr);
    ~StopSignals() override;

Q_SIGNALS:
    void stopRequested();

private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace dynakv::app
