// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/batch_line.h"
#include "shared/client/json_slice.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using client::batchLine;

class TestBatchLine : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void jsonKeepsItsText()
    {
        const QByteArray text = R"({"b": 1.0, "a":12345678901234567890})";
        const auto line = batchLine("k", {text, false, {}, {}}, false);
        QVERIFY(line && line->endsWith("}\n") && line->count('\n') == 1);
        QCOMPARE(client::memberText(*line, "value")->toByteArray(), text);
        const QJsonObject object = QJsonDocument::fromJson(*line).object();
        QCOMPARE(object.keys(), (QStringList{QStringLiteral("key"), QStringLiteral("op"),
                                             QStringLiteral("value")}));
    }

    void bytesAndOptions()
    {
        client::Value value{QByteArray("\0\n\xff", 3), true, "text/x;a=\"b\"", {}};
        value.ttlSeconds = 70;
        const auto line = batchLine(QByteArray("\xff\n"), value, true);
        QVERIFY(line && line->count('\n') == 1);
        const QJsonObject object = QJsonDocument::fromJson(*line).object();
        const auto text = [&object](const char *name) {
            return object.value(QLatin1String(name)).toString().toUtf8();
        };
        QCOMPARE(QByteArray::fromBase64(text("key_b64")), QByteArray("\xff\n"));
        QCOMPARE(QByteArray::fromBase64(text("value_b64")), value.bytes);
        QCOMPARE(text("content_type"), value.contentType);
        QCOMPARE(text("if_none_match"), QByteArray("*"));
        QCOMPARE(object.value(QLatin1String("ttl")).toInt(), 70);
    }

    void whatWouldBreakTheLineIsNone_data()
    {
        QTest::addColumn<QByteArray>("json");
        QTest::newRow("a line break") << QByteArray("[1,\n2]");
        QTest::newRow("two values") << QByteArray("1,\"key\":\"other\"");
        QTest::newRow("an end") << QByteArray("1}");
        QTest::newRow("nothing") << QByteArray();
    }

    void whatWouldBreakTheLineIsNone()
    {
        QFETCH(QByteArray, json);
        QVERIFY(!batchLine("k", {json, false, {}, {}}, false));
    }
};

QTEST_GUILESS_MAIN(TestBatchLine)
#include "tst_batch_line.moc"
