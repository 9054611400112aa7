// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/option_table.h"

#include <algorithm>
#include <array>
#include <vector>

namespace dynakv::app {
namespace {

constexpr std::array kOptions{
    OptionSpec{OptionId::Listen, "listen", false, false},
    OptionSpec{OptionId::Join, "join", false, true},
    OptionSpec{OptionId::Config, "config", false, false},
    OptionSpec{OptionId::DataDir, "data-dir", false, false},
    OptionSpec{OptionId::ClusterPort, "cluster-port", false, false},
    OptionSpec{OptionId::ClusterSecretFile, "cluster-secret-file", false, false},
    OptionSpec{OptionId::Advertise, "advertise", false, false},
    OptionSpec{OptionId::Durability, "durability", false, false},
    OptionSpec{OptionId::LogLevel, "log-level", false, false},
    OptionSpec{OptionId::LogFormat, "log-format", false, false},
    OptionSpec{OptionId::SlowRequestMs, "slow-request-ms", false, false},
    OptionSpec{OptionId::PurgeAfterS, "purge-after-s", false, false},
    OptionSpec{OptionId::HttpThreads, "http-threads", false, false},
    OptionSpec{OptionId::MaxConnections, "max-connections", false, false},
    OptionSpec{OptionId::MaxMemory, "max-memory", false, false},
    OptionSpec{OptionId::MaxValueBytes, "max-value-bytes", false, false},
    OptionSpec{OptionId::AllowedHost, "allowed-host", false, true},
    OptionSpec{OptionId::InsecureAllowRemote, "insecure-allow-remote", true, false},
};

/// Levenshtein's distance: how many single-character edits lie between the two.
std::size_t editDistance(QByteArrayView a, QByteArrayView b)
{
    std::vector<std::size_t> row(static_cast<std::size_t>(b.size()) + 1);
    for (std::size_t j = 0; j < row.size(); ++j)
        row[j] = j;
    for (qsizetype i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = static_cast<std::size_t>(i) + 1;
        for (std::size_t j = 1; j < row.size(); ++j) {
            const bool isSame = a[i] == b[static_cast<qsizetype>(j) - 1];
            const std::size_t replaced = diagonal + (isSame ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

} // namespace

std::span<const OptionSpec> optionTable()
{
    return kOptions;
}

const OptionSpec *findOption(QByteArrayView name)
{
    const auto *const found =
        std::find_if(kOptions.begin(), kOptions.end(),
                     [&](const OptionSpec &spec) { return name == spec.name; });
    return found == kOptions.end() ? nullptr : found;
}

QByteArray environmentNameOf(const OptionSpec &option)
{
    return "DYNAKV_" + QByteArray(option.name).toUpper().replace('-', '_');
}

QByteArray nearestOptionName(QByteArrayView name)
{
    constexpr qsizetype nameBytesMax = 64; // Bounds the work; no option is that long.
    if (name.size() > nameBytesMax)
        return {};
    QByteArray nearest;
    // Further away it is a guess, not a slip; in a short name two edits make another word.
    std::size_t best = name.size() < 6 ? 2 : 3;
    for (const OptionSpec &spec : kOptions) {
        const std::size_t distance = editDistance(name, spec.name);
        if (distance < best) {
            best = distance;
            nearest = spec.name;
        }
    }
    return nearest;
}

} // namespace dynakv::app
