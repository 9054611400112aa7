// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

/// Real mistakes that the tests can switch on, to show that they would be caught. Only the library
/// that one test links is built with DYNAKV_PLANTED_BUGS; the product's holds none of them.
namespace dynakv::storage {

enum class PlantedBug : quint8 {
    None,
    AckBeforeSync,       ///< Completes a synced commit without the sync.
    NoDirectorySync,     ///< Founds a file without syncing its directory.
    NoSyncBeforeRename,  ///< Gives a founded file its name before its content is safe.
    IgnoreShortWrite,    ///< Takes any write for a whole one.
    SkipChecksum,        ///< Believes headers and payloads.
    RetrySync,           ///< Syncs again after a failed sync and believes the second answer.
    DamageIsTail,        ///< Cuts off damaged synced data as if it were a torn tail.
    StartEmptyOnBadFile, ///< Founds a new file where the old one cannot be read.
    NoCutBack,           ///< Leaves a half-written frame and appends behind it.
    DropTornTail,        ///< Truncates without keeping what it cuts off.
    NoSyncAtOpen,        ///< Builds upon what a killed process left, without a sync.
    ApplyBeforeSync,     ///< Shows readers what the disk does not have yet.
    ForgetTombstones,    ///< Leaves deletes out of a rewritten file.
    NoReadBack,          ///< Believes a rewritten file without reading it.
    NoSyncBeforeSwap,    ///< Renames a rewritten file before its content is safe.
    NoSyncAfterSwap,     ///< Goes on in a rewritten file whose name is not safe.
    KeepOldFile,         ///< After the swap appends to the file that has lost its name.
    SkipLogTail,         ///< Rewrites without what was committed during the walk.
    LoadDraft,           ///< Takes an unfinished file for the real one.
    TrustReserve,        ///< Takes the zeros behind the log for synced data.
    UnsyncedSeal,        ///< Seals without a sync of what it vouches for.
    AckWhileBroken,      ///< Acknowledges after a failed sync as if nothing had been.
};

#ifdef DYNAKV_PLANTED_BUGS
inline PlantedBug plantedBug = PlantedBug::None;
inline bool isPlanted(PlantedBug bug)
{
    return plantedBug == bug;
}
#else
constexpr bool isPlanted(PlantedBug)
{
    return false;
}
#endif

} // namespace dynakv::storage
