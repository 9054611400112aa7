// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/member_table.h"

#include "daemon/core/key_hash.h"

#include <tuple>

namespace dynakv::core {
namespace {

auto rankOf(const MemberRecord &record)
{
    return std::tuple(record.generation, record.incarnation, record.state);
}

/// What two tables must agree on. The addresses come with the generation and incarnation.
quint64 hashOf(const MemberRecord &record)
{
    QByteArray bytes =
        toHex16(record.id) + toHex16(record.generation) + toHex16(record.incarnation);
    bytes += static_cast<char>(record.state);
    return hashBytes(bytes, 0);
}

} // namespace

bool isNewer(const MemberRecord &left, const MemberRecord &right)
{
    return rankOf(left) > rankOf(right);
}

bool MemberTable::merge(const MemberRecord &record)
{
    const auto [it, isNew] = m_members.try_emplace(record.id, record);
    if (isNew)
        return true;
    if (!isNewer(record, it->second))
        return false;
    it->second = record;
    return true;
}

void MemberTable::setSelf(const MemberRecord &record)
{
    m_members[m_self] = record;
}

bool MemberTable::refute(const MemberRecord &word)
{
    MemberRecord &mine = m_members[m_self];
    if (!isNewer(word, mine))
        return false;
    if (word.generation > mine.generation) {
        // Only a copied or rolled-back directory makes this possible; go above it all the same.
        mine.generation = word.generation;
    }
    mine.incarnation = word.incarnation + 1;
    return true;
}

void MemberTable::clearOthers()
{
    const MemberRecord mine = self();
    m_members.clear();
    m_members[m_self] = mine;
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

int MemberTable::replicaCount() const
{
    int count = 0;
    for (const auto &[id, record] : m_members)
        count += record.state != MemberState::Left ? 1 : 0;
    return count;
}

quint64 MemberTable::hash() const
{
    quint64 hash = 0;
    for (const auto &[id, record] : m_members)
        hash ^= hashOf(record);
    return hash;
}

} // namespace dynakv::core
