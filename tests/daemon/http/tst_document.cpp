// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/router.h"
#include "tests/daemon/http/api_fixture.h"
#include "tests/support/json_schema.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QtTest>

#include <functional>

using namespace dynakv;
using namespace dynakv::http;

namespace {

QJsonObject member(const QJsonObject &object, const char *name)
{
    return object.value(QLatin1String(name)).toObject();
}

/// Calls \a visit(place, object) for \a value and all objects in it.
void forEachObject(const QJsonValue &value, const QByteArray &place,
                   const std::function<void(const QByteArray &, const QJsonObject &)> &visit)
{
    if (value.isArray()) {
        int index = 0;
        for (const QJsonValue &item : value.toArray())
            forEachObject(item, place + '/' + QByteArray::number(index++), visit);
    }
    if (!value.isObject())
        return;
    const QJsonObject object = value.toObject();
    visit(place, object);
    for (auto it = object.begin(); it != object.end(); ++it) {
        // What stands in an example is nobody's schema.
        if (it.key() != QLatin1String("example"))
            forEachObject(it.value(), place + '/' + it.key().toUtf8(), visit);
    }
}

} // namespace

/// The API document against itself and against the router.
class TestDocument : public QObject
{
    Q_OBJECT

private:
    QJsonObject m_document;

    /// Calls \a visit(name, path, operation) for every operation.
    void forEachOperation(const std::function<void(const QByteArray &, const QByteArray &,
                                                   const QJsonObject &)> &visit)
    {
        const QJsonObject paths = member(m_document, "paths");
        for (auto path = paths.begin(); path != paths.end(); ++path) {
            const QJsonObject methods = path.value().toObject();
            for (auto method = methods.begin(); method != methods.end(); ++method) {
                visit(method.key().toUpper().toUtf8() + ' ' + path.key().toUtf8(),
                      path.key().toUtf8(), method.value().toObject());
            }
        }
    }

private Q_SLOTS:
    void initTestCase()
    {
        const test::ApiFixture api(0);
        HttpRequest request;
        request.path = "/openapi.json";
        const HttpReply reply = std::get<HttpReply>(route(request, api.context));
        QCOMPARE(reply.status, 200);
        QCOMPARE(reply.contentType, "application/json");
        QJsonParseError error;
        m_document = QJsonDocument::fromJson(reply.body, &error).object();
        QCOMPARE(error.errorString(), QStringLiteral("no error occurred"));
        QVERIFY(m_document.value(QLatin1String("openapi"))
                    .toString()
                    .startsWith(QLatin1String("3.1.")));
        QVERIFY(!member(m_document, "info").value(QLatin1String("version")).toString().isEmpty());
    }

    void itHasExactlyWhatTheRouterServes()
    {
        QSet<QByteArray> documented;
        forEachOperation([&](const QByteArray &name, const QByteArray &, const QJsonObject &) {
            documented.insert(name);
        });
        QSet<QByteArray> served;
        for (const Endpoint &endpoint : endpoints())
            served.insert(endpoint.method + ' ' + endpoint.path);
        const auto missing = (served - documented).values().join(", ");
        const auto invented = (documented - served).values().join(", ");
        QVERIFY2(missing.isEmpty(), ("served and not documented: " + missing).constData());
        QVERIFY2(invented.isEmpty(), ("documented and not served: " + invented).constData());
    }

    void everyReferenceLeadsSomewhere()
    {
        const test::JsonSchema schema(m_document);
        QSet<QString> used;
        forEachObject(m_document, "", [&](const QByteArray &place, const QJsonObject &object) {
            if (!object.contains(QLatin1String("$ref")))
                return;
            used.insert(object.value(QLatin1String("$ref")).toString());
            QVERIFY2(!schema.resolved(object).isEmpty(), place.constData());
        });
        const QJsonObject components = member(m_document, "components");
        for (const QString &kind : components.keys()) {
            for (const QString &name : components.value(kind).toObject().keys()) {
                const QString reference = QStringLiteral("#/components/%1/%2").arg(kind, name);
                QVERIFY2(used.contains(reference),
                         qPrintable(reference + QStringLiteral(" is unused")));
            }
        }
    }

    void everyOperationIsComplete()
    {
        const test::JsonSchema schema(m_document);
        QSet<QString> ids;
        QSet<QString> tags;
        for (const QJsonValue &tag : m_document.value(QLatin1String("tags")).toArray())
            tags.insert(tag.toObject().value(QLatin1String("name")).toString());
        forEachOperation([&](const QByteArray &name, const QByteArray &path,
                             const QJsonObject &operation) {
            const QString id = operation.value(QLatin1String("operationId")).toString();
            QVERIFY2(!id.isEmpty() && !ids.contains(id), name.constData());
            ids.insert(id);
            QVERIFY2(!operation.value(QLatin1String("summary")).toString().isEmpty(),
                     name.constData());
            for (const QJsonValue &tag : operation.value(QLatin1String("tags")).toArray())
                QVERIFY2(tags.contains(tag.toString()), name.constData());
            QByteArray expanded = path;
            for (const QJsonValue &value : operation.value(QLatin1String("parameters")).toArray()) {
                const QJsonObject parameter = schema.resolved(value.toObject());
                const QByteArray own = parameter.value(QLatin1String("name")).toString().toUtf8();
                const bool isInPath = parameter.value(QLatin1String("in")) == QLatin1String("path");
                const QByteArray place = name + ": " + own;
                QVERIFY2(parameter.contains(QLatin1String("example")), place.constData());
                QVERIFY2(isInPath == expanded.contains('{' + own + '}'), place.constData());
                QVERIFY2(!isInPath || parameter.value(QLatin1String("required")).toBool(),
                         place.constData());
                expanded.replace('{' + own + '}', "x");
            }
            QVERIFY2(!expanded.contains('{'), name.constData());
            const QJsonObject responses = member(operation, "responses");
            QVERIFY2(responses.contains(QLatin1String("default")), name.constData());
            QVERIFY2(responses.keys().first().startsWith(QLatin1Char('2')), name.constData());
            for (const QString &status : responses.keys()) {
                const QJsonObject response = schema.resolved(responses.value(status).toObject());
                QVERIFY2(!response.value(QLatin1String("description")).toString().isEmpty(),
                         name.constData());
            }
        });
    }

    void everyExampleIsAsItsSchemaSays()
    {
        const test::JsonSchema schema(m_document);
        int count = 0;
        forEachObject(m_document, "", [&](const QByteArray &place, const QJsonObject &object) {
            if (!object.contains(QLatin1String("example")))
                return;
            ++count;
            const QJsonValue example = object.value(QLatin1String("example"));
            auto faults = schema.faults(example, member(object, "schema"), place);
            if (const QJsonObject line = member(object, "x-lineSchema"); !line.isEmpty())
                faults += schema.lineFaults(example.toString().toUtf8(), line, place);
            QVERIFY2(faults.isEmpty(), faults.join("; ").constData());
        });
        QVERIFY(count > 20);
    }

    void schemasRequireOnlyWhatTheyDescribe()
    {
        forEachObject(m_document, "", [&](const QByteArray &place, const QJsonObject &object) {
            const QJsonObject properties = member(object, "properties");
            for (const QJsonValue &name : object.value(QLatin1String("required")).toArray()) {
                QVERIFY2(properties.contains(name.toString()),
                         (place + ": " + name.toString().toUtf8()).constData());
            }
        });
    }

    void theValidatorFindsWhatIsWrong_data()
    {
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<QByteArray>("schema");
        // Single quotes, since moc 6.4 loses its way in raw strings of JSON.
        const auto row = [](const char *name, const char *value, const char *schema) {
            QTest::newRow(name) << QByteArray(value).replace('\'', '"')
                                << QByteArray(schema).replace('\'', '"');
        };
        row("type", "['x']", "{'type':'array','items':{'type':'integer'}}");
        row("fraction", "[1.5]", "{'type':'array','items':{'type':'integer'}}");
        row("lacks", "{}", "{'type':'object','required':['a']}");
        row("undescribed", "{'a':1}", "{'properties':{},'additionalProperties':false}");
        row("map", "{'a':1}", "{'additionalProperties':{'type':'string'}}");
        row("enum", "{'a':'x'}", "{'properties':{'a':{'enum':['y']}}}");
        row("pattern", "{'a':'x'}", "{'properties':{'a':{'pattern':'^y$'}}}");
        row("range", "{'a':-1}", "{'properties':{'a':{'minimum':0}}}");
        row("reference", "{'a':1}", "{'$ref':'#/components/schemas/None'}");
        row("unknown word", "{'a':1}", "{'oneOf':[]}");
    }
    void theValidatorFindsWhatIsWrong()
    {
        QFETCH(QByteArray, value);
        QFETCH(QByteArray, schema);
        const QJsonDocument document = QJsonDocument::fromJson(value);
        const QJsonValue root =
            document.isArray() ? QJsonValue(document.array()) : QJsonValue(document.object());
        QVERIFY(!test::JsonSchema(m_document)
                     .faults(root, QJsonDocument::fromJson(schema).object())
                     .isEmpty());
    }

    /// Else a fault is seen only by the test that gets an answer with that very property.
    void theTestsUnderstandEachSchema()
    {
        const QJsonObject schemas = member(member(m_document, "components"), "schemas");
        QVERIFY(schemas.size() > 20);
        for (auto it = schemas.begin(); it != schemas.end(); ++it) {
            const auto unknown =
                test::JsonSchema::unknownWords(it.value().toObject(), it.key().toUtf8());
            QVERIFY2(unknown.isEmpty(), unknown.join("; ").constData());
        }
    }
};

QTEST_GUILESS_MAIN(TestDocument)
#include "tst_document.moc"
