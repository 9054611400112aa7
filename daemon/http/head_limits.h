// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace dynakv::http {

/// The bounds of a request head.
struct HeadLimits
{
    qsizetype targetBytesMax = 8 * 1024;
    qsizetype headBytesMax = 16 * 1024;
    qsizetype fieldBytesMax = 8 * 1024;
    int fieldsMax = 100;
};

} // namespace dynakv::http
