// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/walk.h"

/// What a listing is made of. Nodes ask each other for listings, so that core names the values.
namespace dynakv::store {

using core::endOfPrefix;
using core::ListedKey;
using core::ListedPrefix;
using core::Listing;
using core::ListQuery;

} // namespace dynakv::store
