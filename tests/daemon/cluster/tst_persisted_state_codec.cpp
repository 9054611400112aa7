// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/persisted_state_codec.h"
#include "tests/daemon/cluster/random_messages.h"

#include <QtTest>

#include <algorithm>
#include <limits>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

core::PersistedState sampleState(quint32 seed)
{
    core::PersistedState state;
    state.node = std::numeric_limits<quint64>::max();
    state.generation = seed;
    state.clusterId = 0x8000'0000'0000'0001;
    state.clockCeiling = 0xffff'ffff'ffff'fff0;
    state.caughtUpOnce = seed % 2 == 1;
    state.mayLack = seed % 3 == 1;
    state.watermark = seed % 2 == 0 ? 0 : static_cast<quint64>(seed) * 1'000'003;
    state.isMerging = seed % 5 == 1;
    state.claim = static_cast<quint64>(seed) << 20;
    RandomMessages random(seed);
    for (quint32 i = 0; i < seed; ++i)
        state.members.push_back(random.member());
    std::sort(state.members.begin(), state.members.end(),
              [](const auto &a, const auto &b) { return a.id < b.id; });
    return state;
}

} // namespace

class TestPersistedStateCodec : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void everyStateComesBackExactly();
    void aStateCutAnywhereIsRefused();
    void bytesBehindTheStateAreRefused();
    void aKeyOfALaterVersionIsIgnored();
    void aStateOfTheFirstVersionIsRead();
    void membersOutOfOrderAreRefused();
    void aDamagedByteNeverCrashes();
};

void TestPersistedStateCodec::everyStateComesBackExactly()
{
    for (quint32 seed = 0; seed < 50; ++seed) {
        const core::PersistedState state = sampleState(seed);
        const auto back = decodeState(encodeState(state));
        QVERIFY2(back, back ? "" : back.error().message.constData());
        QCOMPARE(*back, state);
    }
    QCOMPARE(*decodeState(encodeState({})), core::PersistedState{});
}

void TestPersistedStateCodec::aStateCutAnywhereIsRefused()
{
    const QByteArray bytes = encodeState(sampleState(3));
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        const auto state = decodeState(QByteArrayView(bytes).first(i));
        QVERIFY(!state);
        QCOMPARE(state.error().code, base::ErrorCode::Corrupt);
    }
}

void TestPersistedStateCodec::bytesBehindTheStateAreRefused()
{
    QVERIFY(!decodeState(encodeState(sampleState(2)) + '\0'));
}

void TestPersistedStateCodec::aKeyOfALaterVersionIsIgnored()
{
    const core::PersistedState state = sampleState(4);
    QByteArray bytes = encodeState(state);
    // 50: [{1: 'x'}], 99999: "abc"
    bytes[0] = static_cast<char>(bytes[0] + 2);
    bytes += QByteArray::fromHex("183281a10141781a0001869f63616263");
    const auto back = decodeState(bytes);
    QVERIFY(back);
    QCOMPARE(*back, state);
}

/// It did not know that a directory may lack something.
void TestPersistedStateCodec::aStateOfTheFirstVersionIsRead()
{
    core::PersistedState state;
    state.node = 0xa1;
    state.generation = 3;
    state.clusterId = 5;
    state.clockCeiling = 7;
    state.caughtUpOnce = true;
    const auto back = decodeState(QByteArray::fromHex("a60118a102030305040705f50680"));
    QVERIFY2(back, back ? "" : back.error().message.constData());
    QCOMPARE(*back, state);
    state.mayLack = true;
    state.claim = 9;
    QCOMPARE(encodeState(state).toHex(),
             QByteArray("ac0118a102030305040705f5068007f508f409000af40b090c00"));
}

void TestPersistedStateCodec::membersOutOfOrderAreRefused()
{
    core::PersistedState state = sampleState(2);
    std::swap(state.members[0], state.members[1]);
    QVERIFY(!decodeState(encodeState(state)));
    state.members[0] = state.members[1];
    QVERIFY(!decodeState(encodeState(state)));
}

void TestPersistedStateCodec::aDamagedByteNeverCrashes()
{
    const QByteArray bytes = encodeState(sampleState(2));
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        for (int value = 0; value < 256; ++value) {
            QByteArray damaged = bytes;
            damaged[i] = static_cast<char>(value);
            const auto state = decodeState(damaged);
            if (state)
                QVERIFY(decodeState(encodeState(*state)));
        }
    }
}

QTEST_GUILESS_MAIN(TestPersistedStateCodec)
#include "tst_persisted_state_codec.moc"
