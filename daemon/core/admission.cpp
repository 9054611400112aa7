// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/admission.h"

namespace dynakv::core {
namespace {

/// A sole member gives its cluster up for another one if its operator asked it to join, or if it
/// holds nothing and the other side is more than a lone empty founder itself.
bool yieldsTo(const Hello &one, const Hello &other)
{
    if (one.memberCount > 1)
        return false;
    return one.wantsToJoin || (!one.hasData && (other.memberCount > 1 || other.hasData));
}

} // namespace

Admission admit(const Hello &mine, const Hello &theirs)
{
    if (mine.clusterId == theirs.clusterId)
        return mine.clusterId == 0 ? Admission::NotYet : Admission::Accept;
    if (mine.clusterId == 0)
        return Admission::AdoptTheirs;
    if (theirs.clusterId == 0)
        return Admission::Accept;
    const bool mineYields = yieldsTo(mine, theirs);
    const bool theirsYields = yieldsTo(theirs, mine);
    if (mineYields && theirsYields)
        return mine.clusterId < theirs.clusterId ? Admission::AdoptTheirs : Admission::Accept;
    if (mineYields)
        return Admission::AdoptTheirs;
    return theirsYields ? Admission::Accept : Admission::Refuse;
}

} // namespace dynakv::core
