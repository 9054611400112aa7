// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

namespace dynakv::http {

/// The names that the open objects have had. Most have few, which are compared one by one; only
/// where there are many a set is worth its memory.
class NameScopes
{
public:
    void open() { m_scopes.push_back({m_names.size(), {}}); }
    void close()
    {
        m_names.resize(m_scopes.back().begin);
        m_scopes.pop_back();
    }
    [[nodiscard]] std::size_t depth() const { return m_scopes.size(); }
    /// False where the innermost object has had that one.
    bool add(const QByteArray &name)
    {
        constexpr std::size_t few = 16;
        Scope &scope = m_scopes.back();
        if (!scope.many.empty())
            return scope.many.insert(name).second;
        const auto first = std::next(m_names.cbegin(), static_cast<qsizetype>(scope.begin));
        if (std::find(first, m_names.cend(), name) != m_names.cend())
            return false;
        if (m_names.size() - scope.begin < few) {
            m_names.push_back(name);
            return true;
        }
        scope.many.insert(first, m_names.cend());
        return scope.many.insert(name).second;
    }

private:
    struct Scope
    {
        std::size_t begin = 0; ///< Of its names.
        std::set<QByteArray> many = {};
    };
    std::vector<Scope> m_scopes = {};
    std::vector<QByteArray> m_names = {};
};

} // namespace dynakv::http
