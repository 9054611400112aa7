// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/node_list.h"

#include "shared/base/limits.h"

#include <QTest>

using namespace dynakv::client;
using dynakv::base::Endpoint;

namespace {

const Endpoint kA{"a", 1};
const Endpoint kB{"b", 1};
const Endpoint kC{"c", 1};
using Nodes = std::vector<Endpoint>;

} // namespace

class NodeListTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void theNodeInUseIsAskedFirst();
    void aNodeThatFailedStandsBehindTheOthersForAWhile();
    void seedsAndTheNodeInUseStayKnown();
    void theListIsBounded();
};

void NodeListTest::theNodeInUseIsAskedFirst()
{
    NodeList list({kA, kB, kA});
    QCOMPARE(list.candidates({}), (Nodes{kA, kB}));
    list.use(kB);
    QCOMPARE(list.candidates({}), (Nodes{kB, kA}));
    list.use(kC); // Not known before.
    QCOMPARE(list.inUse(), kC);
    QCOMPARE(list.candidates({}), (Nodes{kC, kA, kB}));
}

void NodeListTest::aNodeThatFailedStandsBehindTheOthersForAWhile()
{
    NodeList list({kA, kB, kC});
    const NodeList::Time start = NodeList::Time() + std::chrono::hours(1);
    list.markFailed(kB, start);
    QCOMPARE(list.candidates(start), (Nodes{kA, kC, kB}));
    QCOMPARE(list.candidates(start + std::chrono::seconds(10)), (Nodes{kA, kB, kC}));
    list.markFailed(kB, start);
    list.markAnswered(kB);
    QCOMPARE(list.candidates(start), (Nodes{kA, kB, kC}));
}

void NodeListTest::seedsAndTheNodeInUseStayKnown()
{
    NodeList list({kA});
    list.setMembers({kB, kC});
    list.use(kB);
    list.setMembers({kC});
    QCOMPARE(list.candidates({}), (Nodes{kB, kA, kC}));
    list.use(kA);
    list.setMembers({kC});
    QCOMPARE(list.candidates({}), (Nodes{kA, kC}));
}

void NodeListTest::theListIsBounded()
{
    NodeList list({kA});
    Nodes many;
    for (int i = 0; i < 5000; ++i)
        many.push_back({"n" + QByteArray::number(i), 1});
    list.setMembers(many);
    QVERIFY(list.candidates({}).size() <= dynakv::base::limits::kMembersMax + 16u);
}

QTEST_APPLESS_MAIN(NodeListTest)
#include "tst_node_list.moc"
