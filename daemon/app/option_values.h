// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/option_table.h"
#include "daemon/app/options.h"

namespace dynakv::app {

/// One value that somebody gave to an option, and where: `--durability`, `DYNAKV_JOIN`,
/// `/etc/dynakv/dynakv.conf:3: join`, `LISTEN`.
struct Setting
{
    OptionId id = OptionId::Listen;
    QByteArray value = {};
    QByteArray origin = {};
    bool operator==(const Setting &) const = default;
};

/// Checks the value's form and puts it in its place; repeatable ones are appended. The error begins
/// with the origin.
base::Result<void> applySetting(const Setting &setting, Options &options);

/// `HOST[:PORT]` of a node to ask, with our default port.
base::Result<base::Endpoint> parseTarget(const QByteArray &text);

} // namespace dynakv::app
