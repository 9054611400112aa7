// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/api/key_page.h"
#include "shared/client/answer.h"

#include <QByteArray>

class QObject;

namespace dynakv::admin {

/// Where a key list gets its pages from. The model knows this interface and no network.
/// \a done runs later on the same thread, once, and never after \a context is gone.
class KeySource
{
public:
    virtual ~KeySource() = default;
    virtual void fetchKeys(const QByteArray &prefix, const QByteArray &after, int limit,
                           QObject *context, client::Callback<base::api::KeyPage> done) = 0;
};

} // namespace dynakv::admin
