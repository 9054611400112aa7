// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/exit_code.h"
#include "daemon/app/log_rules.h"
#include "daemon/app/options.h"
#include "daemon/http/process_hooks.h"

namespace dynakv::app {

/// From here on every Qt message goes to standard error as one escaped line, in the format and from
/// the levels asked for; QT_LOGGING_RULES has no say. Repeats are held back (RepeatLimiter).
/// Call once, before there is a second thread. Messages may then come from any thread.
void startLogging(const LogRules &rules, LogFormat format);
/// Takes other rules, in the form of `--log-level`, until the process ends; an empty \a text
/// changes nothing. Any thread.
base::Result<http::LogRulesChange> changeLogRules(const QByteArray &text);
/// Tells what was held back; for the last moments of the process.
void finishLogging();

/// Prints the one line that says why the process ends, in the log's format where that is JSON or
/// goes to the journal, else as `dynakvd: <message>`. Returns the code as a process returns it.
int reportFailure(const StartFailure &failure);

} // namespace dynakv::app
