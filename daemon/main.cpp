// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/commands.h"
#include "daemon/app/daemon_app.h"
#include "daemon/app/file_commands.h"
#include "daemon/app/export_command.h"
#include "daemon/app/file_export.h"
#include "daemon/app/import_command.h"
#include "daemon/app/logging.h"
#include "daemon/app/service.h"
#include "daemon/app/set_aside_command.h"
#include "daemon/app/usage.h"

#include <QCoreApplication>

int main(int argc, char **argv)
{
    using namespace dynakv::app;

    keepFilesPrivate();
    // Qt's own event loop instead of GLib's, which looks at every quiet connection in each turn.
    qputenv("QT_NO_GLIB", "1");
    const QCoreApplication application(argc, argv);
    const auto options = parseOptions(realArguments(), realSurroundings());
    if (!options)
        return reportFailure({ExitCode::Usage, options.error().message});
    switch (options->action) {
    case Action::Run:
        return runDaemon(*options);
    case Action::Help:
        return printHelp();
    case Action::Version:
        return printVersion();
    case Action::NoListen:
        return printUsageError();
    case Action::Health:
        return runHealth(*options);
    case Action::Status:
        return runStatus(*options);
    case Action::Verify:
        return runVerify(options->file);
    case Action::Recover:
        return runRecover(options->file);
    case Action::Restore:
        return runRestore(options->file);
    case Action::SetAside:
        return runSetAside(options->file);
    case Action::Export:
        return options->transfer.source.isEmpty() ? runExport(*options)
                                                  : runFileExport(options->transfer);
    case Action::Import:
        return runImport(*options);
    }
    return static_cast<int>(ExitCode::Usage);
}
