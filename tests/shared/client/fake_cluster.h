// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/answer.h"
#include "tests/shared/client/fake_node.h"

#include <map>
#include <memory>
#include <vector>

namespace dynakv::test {

/// A cluster of fake nodes over one table: enough of the REST API to drive a client and the
/// windows. All nodes see every write at once. Lives on the test's thread.
class FakeCluster
{
public:
    explicit FakeCluster(int nodeCount);

    FakeNode &node(int index) { return *m_nodes[static_cast<std::size_t>(index)]; }
    [[nodiscard]] base::Endpoint endpoint(int index) const;
    /// Closes the node; the others list it as down.
    void kill(int index);
    void revive(int index);
    /// The state the others report for that node from now on.
    void setState(int index, const QByteArray &state);

    void put(const QByteArray &key, const client::Value &value);
    void putJson(const QByteArray &key, const QByteArray &text) { put(key, {text, false, {}, {}}); }
    /// What becomes of writes with a condition.
    enum class Home {
        Judges,
        IsGone,         ///< They are refused.
        ForgetsToAnswer ///< They are done, and nobody is told.
    };
    void setHome(Home home) { m_home = home; }
    /// As a node has it that has not caught up, where \a version is an earlier one.
    void setVersion(const QByteArray &key, const QByteArray &version)
    {
        m_table[key].version = version;
    }
    void remove(const QByteArray &key) { m_table.erase(key); }
    [[nodiscard]] const client::Value *find(const QByteArray &key) const;
    /// Lists \a count keys `key:00000000`... that stand in no table, for tests of size.
    void setSyntheticKeys(qint64 count) { m_syntheticKeys = count; }
    [[nodiscard]] int listings() const { return m_listings; }

private:
    QByteArray answer(int index, const FakeRequest &request);
    QByteArray answerKey(const QByteArray &key, const FakeRequest &request,
                         const QByteArray &query);
    QByteArray answerPut(const QByteArray &key, const FakeRequest &request,
                         const QByteArray &query);
    QByteArray answerBatch(const QByteArray &body);
    QByteArray answerList(const QByteArray &query);
    QByteArray answerCluster(int index) const;

    std::vector<std::unique_ptr<FakeNode>> m_nodes;
    std::vector<QByteArray> m_states;
    std::map<QByteArray, client::Value> m_table;
    Home m_home = Home::Judges;
    qint64 m_syntheticKeys = 0;
    int m_versions = 0;
    int m_listings = 0;
};

} // namespace dynakv::test
