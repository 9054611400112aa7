// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/widgets/tokens.h"

#include <QIcon>
#include <QPixmap>

namespace dynakv::admin {

/// The line icon \a name of the resources in the colour of \a tone. It is drawn when it is painted:
/// sharp at every scale, and in the colours of the appearance then in force.
QIcon icon(const char *name, Tone tone = Tone::Text);

/// The mark of the application.
QIcon applicationIcon();

/// For places that take no icon, such as labels; to be made anew when the appearance changes.
QPixmap iconPixmap(const char *name, Tone tone, int size, qreal devicePixelRatio);

/// The icon and tone of a member's state.
struct StateMark
{
    const char *icon = nullptr;
    Tone tone = Tone::Text;
};
StateMark stateMark(const QByteArray &memberState);

} // namespace dynakv::admin
