// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/options.h"
#include "shared/base/api/cluster_status.h"

namespace dynakv::app {

/// `dynakvd health [ADDR]`: one line, and 0 ready, 1 not ready, 7 cannot connect. Asks that node
/// alone. Needs a QCoreApplication.
int runHealth(const Options &options);

/// `dynakvd status [ADDR]`: the cluster as that node sees it, as a table or as JSON.
int runStatus(const Options &options);

/// The members as a table for people: one line each, `*` before the node that answered.
/// \a wallMs, Unix ms, is the present. What nodes say is escaped: it goes to a terminal.
QByteArray memberTable(const base::api::ClusterStatus &status, qint64 wallMs);

} // namespace dynakv::app
