// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/result.h"

#include <QTest>

#include <memory>

using dynakv::base::Error;
using dynakv::base::ErrorCode;
using dynakv::base::Result;

class ResultTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aValueIsReadBack();
    void anErrorKeepsCodeAndMessage();
    void aValueThatOnlyMovesCanBeTaken();
    void aResultWithoutValueIsSuccessByDefault();
    void anErrorWithTheFirstCodeIsStillAFailure();
};

void ResultTest::aValueIsReadBack()
{
    const Result<QByteArray> result(QByteArray("bytes"));
    QVERIFY(result.ok());
    QVERIFY(static_cast<bool>(result));
    QCOMPARE(*result, QByteArray("bytes"));
    QCOMPARE(result->size(), 5);
}

void ResultTest::anErrorKeepsCodeAndMessage()
{
    const Result<int> result(ErrorCode::Busy, "the port is taken");
    QVERIFY(!result.ok());
    QCOMPARE(result.error().code, ErrorCode::Busy);
    QCOMPARE(result.error().message, QByteArray("the port is taken"));
}

void ResultTest::aValueThatOnlyMovesCanBeTaken()
{
    Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
    const std::unique_ptr<int> taken = *std::move(result);
    QCOMPARE(*taken, 7);
}

void ResultTest::aResultWithoutValueIsSuccessByDefault()
{
    QVERIFY(Result<void>().ok());
}

void ResultTest::anErrorWithTheFirstCodeIsStillAFailure()
{
    // Error{} carries the first code; success must not be told from failure by the code.
    const Result<void> result{Error{}};
    QVERIFY(!result.ok());
    QCOMPARE(result.error(), Error{});
}

QTEST_APPLESS_MAIN(ResultTest)
#include "tst_result.moc"
