// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/session/recent_addresses.h"

#include <QSettings>

namespace dynakv::admin::recent {
namespace {

const QString kSetting = QStringLiteral("connection/recentAddresses");

} // namespace

QStringList addresses()
{
    return QSettings().value(kSetting).toStringList().mid(0, kAddressesMax);
}

void remember(const QString &address)
{
    QStringList known = addresses();
    known.removeAll(address);
    known.prepend(address);
    QSettings().setValue(kSetting, known.mid(0, kAddressesMax));
}

void forget(const QString &address)
{
    QStringList known = addresses();
    known.removeAll(address);
    QSettings().setValue(kSetting, known);
}

} // namespace dynakv::admin::recent
