// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/conditions.h"

#include "daemon/http/head_parser.h"

namespace dynakv::http {
namespace {

base::Error malformed()
{
    return {base::ErrorCode::Invalid,
            "A condition must be * or a list of at most 16 quoted entity tags."};
}

} // namespace

base::Result<core::VersionSet> versionsOf(QByteArrayView list, bool takesWeak)
{
    list = trimmedWhiteSpace(list);
    core::VersionSet versions;
    if (list == "*") {
        versions.isAny = true;
        return versions;
    }
    for (int count = 0; count < core::VersionSet::kVersionsMax; ++count) {
        const bool isWeak = list.startsWith("W/");
        if (isWeak)
            list = list.sliced(2);
        const qsizetype end = list.startsWith('"') ? list.indexOf('"', 1) : -1;
        if (end < 0)
            return malformed();
        const auto version = core::parseVersion(list.sliced(1, end - 1));
        if (version && (takesWeak || !isWeak))
            versions.versions.push_back(*version);
        list = trimmedWhiteSpace(list.sliced(end + 1));
        if (list.isEmpty())
            return versions;
        if (!list.startsWith(','))
            return malformed();
        list = trimmedWhiteSpace(list.sliced(1));
    }
    return malformed();
}

base::Result<core::WriteCondition> conditionOf(const HttpRequest &request)
{
    core::WriteCondition condition;
    if (request.ifMatch) {
        auto versions = versionsOf(*request.ifMatch, false);
        if (!versions)
            return versions.error();
        condition.ifMatch = *std::move(versions);
    }
    if (request.ifNoneMatch) {
        auto versions = versionsOf(*request.ifNoneMatch, true);
        if (!versions)
            return versions.error();
        condition.ifNoneMatch = *std::move(versions);
    }
    return condition;
}

} // namespace dynakv::http
