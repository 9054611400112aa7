// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/member_table.h"

#include "daemon/core/key_hash.h"

#include <tuple>

namespace dynakv::core {
namespace {

/// The rest decides only where a directory was rolled back and its owner used a rank twice.
auto rankOf(const MemberRecord &record)
{
    return std::tie(record.generation, record.incarnation, record.state, record.api.host,
                    record.api.port, record.cluster.host, record.cluster.port,
                    record.programVersion, record.claim, record.outranks);
}

/// What two tables must agree on. Claims are left out: a member that came through an older node
/// has lost them.
quint64 hashOf(const MemberRecord &record)
{
    QByteArray bytes =
        toHex16(record.id) + toHex16(record.generation) + toHex16(record.incarnation);
    bytes += static_cast<char>(record.state);
    bytes += record.api.toString() + ' ' + record.cluster.toString() + ' ' + record.programVersion;
    return hashBytes(bytes, 0);
}

} // namespace

bool isNewer(const MemberRecord &left, const MemberRecord &right)
{
    return rankOf(left) > rankOf(right);
}

bool MemberTable::merge(const MemberRecord &record)
{
    const MemberRecord *known = find(record.id);
    if (known != nullptr && !isNewer(record, *known))
        return false;
    put(record);
    return true;
}

void MemberTable::setSelf(const MemberRecord &record)
{
    put(record);
}

void MemberTable::put(const MemberRecord &record)
{
    const auto [it, isNew] = m_members.try_emplace(record.id);
    const auto isReplica = [](const MemberRecord &each) {
        return each.state != MemberState::Left ? 1 : 0;
    };
    if (!isNew) {
        m_hash ^= hashOf(it->second);
        m_replicas -= isReplica(it->second);
    }
    it->second = record;
    m_hash ^= hashOf(record);
    m_replicas += isReplica(record);
}

bool MemberTable::refute(const MemberRecord &word)
{
    MemberRecord mine = self();
    if (!isNewer(word, mine))
        return false;
    if (word.generation > mine.generation) {
        // Only a copied or rolled-back directory makes this possible; go above it all the same.
        mine.generation = word.generation;
    }
    if (word.claim != 0 && word.claim != mine.claim)
        mine.outranks = word.claim;
    mine.incarnation = word.incarnation + 1;
    if (mine.incarnation == 0)
        ++mine.generation; // There was no greater incarnation, so that a new life begins.
    put(mine);
    return true;
}

void MemberTable::clearOthers()
{
    const MemberRecord mine = self();
    m_members.clear();
    m_hash = 0;
    m_replicas = 0;
    put(mine);
}

const MemberRecord &MemberTable::self() const
{
    return m_members.at(m_self);
}

const MemberRecord *MemberTable::find(NodeId id) const
{
    const auto it = m_members.find(id);
    return it == m_members.end() ? nullptr : &it->second;
}

std::vector<MemberRecord> MemberTable::records() const
{
    std::vector<MemberRecord> result;
    result.reserve(m_members.size());
    for (const auto &[id, record] : m_members)
        result.push_back(record);
    return result;
}

} // namespace dynakv::core
