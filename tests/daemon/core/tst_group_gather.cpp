// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/group_gather.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;

namespace {

WriteOutcome outcomeOf(quint64 clock)
{
    WriteOutcome outcome;
    outcome.version = {clock, 1};
    return outcome;
}

std::vector<quint64> clocksOf(const Effect &effect)
{
    std::vector<quint64> clocks;
    for (const WriteOutcome &each : std::get<GroupReply>(effect).outcomes)
        clocks.push_back(each.version.clock);
    return clocks;
}

} // namespace

/// Groups whose writes are done in several places.
class TestGroupGather : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void answersOnceAllHave()
    {
        GroupGather gather;
        gather.begin(7, 4);
        const RequestId first = gather.alone(0);
        const RequestId last = gather.alone(3);
        const RequestId rest = gather.together({1, 2});
        Effects out{Reply{last, outcomeOf(40)}};
        gather.collect(out);
        QVERIFY(out.empty());
        out.push_back(GroupReply{rest, {outcomeOf(20), outcomeOf(30)}});
        gather.collect(out);
        QVERIFY(out.empty());
        out.push_back(Reply{first, outcomeOf(10)});
        gather.collect(out);
        QCOMPARE(out.size(), std::size_t{1});
        QCOMPARE(std::get<GroupReply>(out[0]).request, RequestId{7});
        QCOMPARE(clocksOf(out[0]), (std::vector<quint64>{10, 20, 30, 40}));
    }

    void keepsGroupsApartAndLeavesOthersAlone()
    {
        GroupGather gather;
        gather.begin(1, 1);
        const RequestId one = gather.alone(0);
        gather.begin(2, 1);
        const RequestId two = gather.alone(0);
        QVERIFY(one != two);
        Effects out{Reply{3, outcomeOf(3)}, Reply{two, outcomeOf(2)}, GroupReply{4, {outcomeOf(4)}},
                    ViewChanged{}, Reply{one, outcomeOf(1)}};
        gather.collect(out);
        QCOMPARE(out.size(), std::size_t{5});
        QCOMPARE(std::get<Reply>(out[0]).request, RequestId{3});
        QCOMPARE(std::get<GroupReply>(out[1]).request, RequestId{4});
        QVERIFY(std::holds_alternative<ViewChanged>(out[2]));
        QCOMPARE(std::get<GroupReply>(out[3]).request, RequestId{2});
        QCOMPARE(clocksOf(out[3]), std::vector<quint64>{2});
        QCOMPARE(std::get<GroupReply>(out[4]).request, RequestId{1});
        QCOMPARE(clocksOf(out[4]), std::vector<quint64>{1});
    }
};

QTEST_APPLESS_MAIN(TestGroupGather)
#include "tst_group_gather.moc"
