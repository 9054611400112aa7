// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/export_file.h"
#include "daemon/app/retry_pause.h"
#include "daemon/app/transfer_command.h"

namespace dynakv::app {

/// `dynakvd export`: the live keys of one node in byte order, page by page, each as it is when its
/// page is read. Holds two pages: the next one is on its way while this one is written.
class ExportCommand final : public TransferCommand
{
public:
    explicit ExportCommand(const Options &options);

    void start();

private:
    void begin(const base::api::ClusterStatus &status);
    void ask();
    void take(const client::Answer<client::ValuePage> &answer);
    void refused(const client::Failure &failure);
    bool write(const client::ValuePage &page);
    void finish();
    void stop(ExitCode code, const QByteArray &why);
    /// Holds where \a done does, else stops.
    bool holds(const base::Result<void> &done);

    ExportFile m_file;
    client::ListQuery m_query = {};
    RetryPause m_pause;
    qint64 m_total = 0; ///< Estimated.
};

/// Runs the event loop to the end of the export; the process's code.
int runExport(const Options &options);

} // namespace dynakv::app
