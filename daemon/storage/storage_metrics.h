// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/counter.h"
#include "shared/base/histogram.h"

#include <array>

namespace dynakv::storage {

/// What the data file has done since the start. The storage thread changes it (the jobs' part: the
/// one thread that runs a job), any thread reads it.
struct StorageMetrics
{
    base::Counter commits;        ///< Requests that were completed as Done,
    base::Counter commitsNoSpace; ///< for which there was no room,
    base::Counter commitsFailed;  ///< and others that were refused.
    base::Counter records;        ///< Applied to the table.
    base::Counter bytesWritten;   ///< Of frames; without rewritings of the whole file.
    base::Counter syncsFailed;
    base::Histogram syncUs;       ///< Duration of each sync of the file.
    base::Histogram batchCommits; ///< Requests in each group commit.
    base::Histogram commitUs;     ///< Duration of each group commit, its sync included.
    /// By StorageJob::Kind and whether it failed.
    std::array<std::array<base::Counter, 2>, 3> jobs;
};

} // namespace dynakv::storage
