// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/import_source.h"
#include "daemon/app/import_writer.h"
#include "daemon/app/transfer_command.h"

#include <memory>
#include <optional>

namespace dynakv::app {

/// `dynakvd import`: reads a file to its end before anything is written, then writes its records as
/// new versions, and keeps beside the file how far it came. Standard input is checked as it comes.
class ImportCommand final : public TransferCommand
{
public:
    explicit ImportCommand(const Options &options);

    void start();

private:
    [[nodiscard]] bool isStream() const { return options().file == QLatin1String("-"); }
    /// A line that names the file.
    [[nodiscard]] QByteArray told(const QByteArray &text) const;
    bool check();
    void begin(const base::api::ClusterStatus &status);
    /// Where to go on; Conflict where what is kept is of another import.
    base::Result<ImportProgress> place(const QByteArray &clusterId);
    base::Result<void> openBehind(qint64 line);

    void pump();
    void readSome();
    void keepProgress();
    void finish();
    void finishStopped();

    std::optional<ImportPlan> m_plan; ///< Of a file.
    std::unique_ptr<ImportSource> m_source;
    std::unique_ptr<ImportWriter> m_writer;
    std::unique_ptr<ImportProgressFile> m_progressFile; ///< None where it cannot be kept.
    ImportProgress m_progress = {};                     ///< As it was kept last.
    qint64 m_keptAtMs = 0;
    ExitCode m_stopCode = ExitCode::Stopped;
    bool m_isRead = false; ///< There is nothing after what the writer has.
    qint64 m_refusals = 0;
};

/// Runs the event loop to the end of the import; the process's code.
int runImport(const Options &options);

} // namespace dynakv::app
