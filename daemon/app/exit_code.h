// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

namespace dynakv::app {

/// What the process tells its caller. The numbers follow sysexits.h where it has one, so that a
/// service manager can tell "try again" (69, 74) from "a person must act" (2, 65, 73, 78).
enum class ExitCode : int {
    Done = 0,
    NotReady = 1,      ///< `health`: the node answers but does not serve yet.
    TornEnd = 1,       ///< `verify`: what a start would repair.
    SomeRefused = 1,   ///< `import`: the node refused some of the records for good.
    Usage = 2,         ///< Options, environment or configuration file.
    NoConnection = 7,  ///< Commands that ask a node: nobody answers there.
    BadData = 65,      ///< storage.db or an export is damaged, or newer than this program.
    Unavailable = 69,  ///< The address cannot be bound: in use, not ours, not allowed.
    CannotCreate = 73, ///< The data directory cannot be made, written or locked.
    Io = 74,           ///< The system failed an operation on a file.
    Stopped = 75,      ///< `export`, `import`: stopped on the way; `--resume` goes on.
    Unsafe = 78,       ///< Refused: open to the network without authentication, or harmful.
    BadSecret = 78,    ///< The file of the cluster secret is of no use.
};

/// Of a command that works on files.
inline ExitCode exitCodeOf(base::ErrorCode code)
{
    switch (code) {
    case base::ErrorCode::Corrupt:
    case base::ErrorCode::Unsupported:
    case base::ErrorCode::NotFound:
        return ExitCode::BadData;
    case base::ErrorCode::Conflict:
    case base::ErrorCode::Busy:
    case base::ErrorCode::Denied:
        return ExitCode::CannotCreate;
    case base::ErrorCode::Invalid:
    case base::ErrorCode::NoSpace:
    case base::ErrorCode::Io:
    case base::ErrorCode::Unavailable:
    case base::ErrorCode::TimedOut:
        break;
    }
    return ExitCode::Io;
}

/// Why the process does not start: one line for people, and the code for programs.
struct StartFailure
{
    ExitCode code = ExitCode::Usage;
    QByteArray message = {};
    bool operator==(const StartFailure &) const = default;
};

} // namespace dynakv::app
