// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/version.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace dynakv::core {

/// Versions as If-Match and If-None-Match name them (RFC 9110, 13.1): some, or any there is.
struct VersionSet
{
    static constexpr int kVersionsMax = 16;

    bool isAny = false;
    std::vector<Version> versions = {}; ///< At most kVersionsMax.

    [[nodiscard]] bool contains(const std::optional<Version> &version) const
    {
        return version &&
               (isAny || std::find(versions.begin(), versions.end(), *version) != versions.end());
    }
    bool operator==(const VersionSet &) const = default;
};

/// What must hold of the value that is there, if a write is to be done.
struct WriteCondition
{
    std::optional<VersionSet> ifMatch = {};
    std::optional<VersionSet> ifNoneMatch = {};

    [[nodiscard]] bool isEmpty() const { return !ifMatch && !ifNoneMatch; }
    /// \a live: the version of the value; nothing where there is none.
    [[nodiscard]] bool holds(const std::optional<Version> &live) const
    {
        return (!ifMatch || ifMatch->contains(live)) &&
               (!ifNoneMatch || !ifNoneMatch->contains(live));
    }
    bool operator==(const WriteCondition &) const = default;
};

} // namespace dynakv::core
