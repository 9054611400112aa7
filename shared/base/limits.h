// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

/// The bounds that more than one part must agree on. Everything from outside has one.
namespace dynakv::base::limits {

inline constexpr qsizetype kKeyBytesMax = 1024;
inline constexpr qsizetype kValueBytesDefault = qsizetype{1} << 20;
inline constexpr qsizetype kValueBytesMax = qsizetype{16} << 20;
inline constexpr qsizetype kContentTypeBytesMax = 255;
inline constexpr qsizetype kContextBytesMax = 4096;
inline constexpr int kPageKeysDefault = 100;
inline constexpr int kPageKeysMax = 1000;
inline constexpr qsizetype kPageBytesMax = qsizetype{4} << 20;
inline constexpr int kBatchLinesMax = 10'000;
/// Of the lines of a batch, and of the values in its answer.
inline constexpr qsizetype kBatchBytesMax = qsizetype{16} << 20;
inline constexpr qint64 kTtlMsMin = 1000;
inline constexpr qint64 kTtlMsMax = qint64{10} * 365 * 86'400 * 1000;
inline constexpr int kMembersMax = 1024;
inline constexpr int kRequestTimeoutMsDefault = 3000;
inline constexpr int kRequestTimeoutMsMax = 60'000;
inline constexpr int kConnectionsDefault = 1024;
inline constexpr int kConnectionsMax = 100'000;
inline constexpr int kHttpThreadsMax = 64;
inline constexpr quint16 kApiPortDefault = 6660;

} // namespace dynakv::base::limits
