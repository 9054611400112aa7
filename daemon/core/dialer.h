// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"
#include "daemon/core/random.h"

#include <map>
#include <optional>
#include <vector>

namespace dynakv::core {

/// Decides whom to connect to and when. A wanted target is dialled for ever, at intervals that grow
/// to a bound and never to nothing: a cut cluster must find itself again without help.
class Dialer
{
public:
    static constexpr qint64 kFirstRetryMs = 300;
    static constexpr qint64 kRetryMsMax = 5000;
    static constexpr qint64 kForeignRetryMs = 30'000; ///< Where another grown cluster was found.
    static constexpr int kDialsMax = 8;               ///< In flight at once.

    /// A member by its id, or one of the join addresses by its place in the list.
    struct Key
    {
        enum class Kind : quint8 { Join, Member };
        Kind kind = Kind::Join;
        quint64 id = 0;
        auto operator<=>(const Key &) const = default;
    };

    /// Replaces the set of wanted targets; what is known of those that stay is kept. A new target
    /// is due after \a delayMs.
    struct Wanted
    {
        base::Endpoint target = {};
        qint64 delayMs = 0;
    };
    void want(const std::map<Key, Wanted> &wanted, qint64 nowMs);

    /// The dials that are due.
    std::vector<Dial> due(qint64 nowMs);

    /// A dial ended without a usable link; the next one comes later. Returns whom it was for.
    std::optional<Key> failed(DialId dial, qint64 nowMs, Random &random);
    /// A dial became a link; its target is not dialled while the link stands.
    std::optional<Key> opened(DialId dial);
    /// The link of that dial is gone; \a isForeign: it led to a cluster that is not ours.
    void closed(DialId dial, qint64 nowMs, bool isForeign, Random &random);

    /// Whether \a dial, in flight or open, is one to \a key.
    [[nodiscard]] bool isFor(DialId dial, const Key &key) const;
    /// Failures in a row of a target, for telling the operator.
    [[nodiscard]] int failureCount(const Key &key) const;

private:
    struct Target
    {
        base::Endpoint endpoint = {};
        qint64 dueMs = 0;
        int failures = 0;
        DialId dial = 0; ///< In flight, or the link that came of it; 0 for none.
        bool isOpen = false;
    };
    std::map<Key, Target>::iterator byDial(DialId dial);

    std::map<Key, Target> m_targets;
    qint64 m_dueMs = 0; ///< Nothing is due before, unless something changes.
    DialId m_lastDial = 0;
};

} // namespace dynakv::core
