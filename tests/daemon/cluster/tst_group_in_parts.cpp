// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/group_in_parts.h"

#include <QtTest>

using namespace dynakv;
using cluster::GroupInParts;

namespace {

std::vector<core::WriteRequest> groupOf(const std::vector<qsizetype> &valueBytes)
{
    std::vector<core::WriteRequest> group;
    for (const qsizetype bytes : valueBytes) {
        core::WriteRequest write;
        write.key = QByteArray::number(static_cast<qulonglong>(group.size()));
        write.value = QByteArray(bytes, 'v');
        group.push_back(std::move(write));
    }
    return group;
}

} // namespace

class TestGroupInParts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aPartIsWithinItsBounds_data()
    {
        QTest::addColumn<std::vector<qsizetype>>("valueBytes");
        QTest::addColumn<std::vector<std::size_t>>("parts");
        const auto row = [](const char *name, const std::vector<qsizetype> &bytes,
                            const std::vector<std::size_t> &parts) {
            QTest::newRow(name) << bytes << parts;
        };
        constexpr qsizetype half = core::kGroupBytesMax / 2;
        row("one", {1}, {1});
        row("as many as may be", std::vector<qsizetype>(1000, 1), {1000});
        row("one more", std::vector<qsizetype>(1001, 1), {1000, 1});
        row("the most of a batch", std::vector<qsizetype>(10'000, 1),
            std::vector<std::size_t>(10, 1000));
        row("by bytes", {half, half - 10, half, 1}, {2, 2});
        row("larger than a part", {1, 40 * half, 1}, {1, 1, 1});
    }

    void aPartIsWithinItsBounds()
    {
        QFETCH(std::vector<qsizetype>, valueBytes);
        QFETCH(std::vector<std::size_t>, parts);
        std::vector<core::WriteOutcome> told;
        GroupInParts group(groupOf(valueBytes), [&told](auto outcomes) { told = outcomes; });
        std::vector<GroupInParts::Part> taken;
        std::size_t place = 0;
        while (group.hasPart()) {
            taken.push_back(group.takePart());
            QCOMPARE(taken.back().place, place);
            place += taken.back().writes.size();
        }
        QCOMPARE(taken.size(), parts.size());
        // The last part may be answered first; each outcome finds its place.
        for (std::size_t i = taken.size(); i-- > 0;) {
            QCOMPARE(taken[i].writes.size(), parts[i]);
            QVERIFY(told.empty());
            std::vector<core::WriteOutcome> outcomes(parts[i]);
            for (std::size_t at = 0; at < parts[i]; ++at)
                outcomes[at].detail = taken[i].writes[at].key;
            group.answer(taken[i].place, std::move(outcomes));
        }
        QCOMPARE(told.size(), valueBytes.size());
        for (std::size_t i = 0; i < told.size(); ++i)
            QCOMPARE(told[i].detail, QByteArray::number(static_cast<qulonglong>(i)));
    }
};

QTEST_APPLESS_MAIN(TestGroupInParts)
#include "tst_group_in_parts.moc"
