// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/document_requests.h"

#include "tests/support/json_schema.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QUrl>

namespace dynakv::test {
namespace {

QJsonObject member(const QJsonObject &object, const char *name)
{
    return object.value(QLatin1String(name)).toObject();
}

QByteArray textOf(const QJsonValue &value)
{
    return value.isDouble() ? QByteArray::number(value.toInteger()) : value.toString().toUtf8();
}

std::vector<QJsonObject> parametersOf(const QJsonObject &operation, const JsonSchema &schema)
{
    std::vector<QJsonObject> all;
    for (const QJsonValue &each : operation.value(QLatin1String("parameters")).toArray())
        all.push_back(schema.resolved(each.toObject()));
    return all;
}

void addParameter(DocumentRequest &request, const QJsonObject &parameter)
{
    const QByteArray name = textOf(parameter.value(QLatin1String("name")));
    const QByteArray example = textOf(parameter.value(QLatin1String("example")));
    const QByteArray where = textOf(parameter.value(QLatin1String("in")));
    const QByteArray encoded = QUrl::toPercentEncoding(QString::fromUtf8(example));
    if (where == "path")
        request.target.replace('{' + name + '}', encoded);
    else if (where == "query")
        request.target += (request.target.contains('?') ? '&' : '?') + name + '=' + encoded;
    else
        request.fields += name + ": " + example + "\r\n";
}

void addBody(DocumentRequest &request)
{
    const QJsonObject content = member(member(request.operation, "requestBody"), "content");
    for (const QString &type : content.keys()) {
        const QJsonValue example = content[type][QLatin1String("example")];
        if (example.isUndefined())
            continue;
        request.body = example.isObject()
                           ? QJsonDocument(example.toObject()).toJson(QJsonDocument::Compact)
                           : example.toString().toUtf8();
        request.fields += "Content-Type: " + type.toUtf8() + "\r\n";
    }
    if (request.method != "GET")
        request.fields += "Content-Length: " + QByteArray::number(request.body.size()) + "\r\n";
}

void addRequests(std::vector<DocumentRequest> &all, const DocumentRequest &bare,
                 const JsonSchema &schema)
{
    const auto parameters = parametersOf(bare.operation, schema);
    DocumentRequest plain = bare;
    std::vector<QJsonObject> optional;
    for (const QJsonObject &parameter : parameters) {
        if (parameter.value(QLatin1String("required")).toBool())
            addParameter(plain, parameter);
        else
            optional.push_back(parameter);
    }
    addBody(plain);
    all.push_back(plain);
    for (const QJsonObject &parameter : optional) {
        DocumentRequest &request = all.emplace_back(plain);
        request.optional = textOf(parameter.value(QLatin1String("name")));
        addParameter(request, parameter);
    }
}

} // namespace

QByteArray DocumentRequest::name() const
{
    return method + ' ' + path + (optional.isEmpty() ? QByteArray() : " with " + optional);
}

bool DocumentRequest::isStream() const
{
    const QJsonObject usual = member(member(operation, "responses"), "200");
    return member(usual, "content").contains(QLatin1String("text/event-stream"));
}

std::vector<DocumentRequest> documentRequests(const QJsonObject &document)
{
    const JsonSchema schema(document);
    std::vector<DocumentRequest> all;
    const QJsonObject paths = member(document, "paths");
    for (const char *method : {"put", "post", "get", "delete"}) {
        for (auto path = paths.begin(); path != paths.end(); ++path) {
            const QJsonObject operation = member(path.value().toObject(), method);
            if (operation.isEmpty())
                continue;
            DocumentRequest bare{QByteArray(method).toUpper(), path.key().toUtf8(), operation};
            bare.target = bare.path;
            addRequests(all, bare, schema);
        }
    }
    return all;
}

} // namespace dynakv::test
