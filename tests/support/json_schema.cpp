// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/json_schema.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QSet>

#include <cmath>

namespace dynakv::test {
namespace {

bool isOfType(const QJsonValue &value, const QString &type)
{
    if (type == QLatin1String("object"))
        return value.isObject();
    if (type == QLatin1String("array"))
        return value.isArray();
    if (type == QLatin1String("string"))
        return value.isString();
    if (type == QLatin1String("boolean"))
        return value.isBool();
    if (type == QLatin1String("number"))
        return value.isDouble();
    return type == QLatin1String("integer") && value.isDouble() &&
           std::trunc(value.toDouble()) == value.toDouble();
}

const QSet<QString> &understood()
{
    static const QSet<QString> words{QStringLiteral("$ref"),
                                     QStringLiteral("type"),
                                     QStringLiteral("description"),
                                     QStringLiteral("properties"),
                                     QStringLiteral("required"),
                                     QStringLiteral("items"),
                                     QStringLiteral("enum"),
                                     QStringLiteral("pattern"),
                                     QStringLiteral("minimum"),
                                     QStringLiteral("maximum"),
                                     QStringLiteral("maxLength"),
                                     QStringLiteral("contentMediaType"),
                                     QStringLiteral("additionalProperties")};
    return words;
}

} // namespace

QJsonObject JsonSchema::resolved(const QJsonObject &object) const
{
    const QString reference = object.value(QLatin1String("$ref")).toString();
    if (reference.isEmpty())
        return object;
    if (!reference.startsWith(QLatin1String("#/")))
        return {};
    QJsonObject at = m_document;
    for (const QString &name : reference.mid(2).split(QLatin1Char('/')))
        at = at.value(name).toObject();
    return at;
}

QList<QByteArray> JsonSchema::faults(const QJsonValue &value, const QJsonObject &unresolved,
                                     const QByteArray &place) const
{
    const QJsonObject schema = resolved(unresolved);
    if (unresolved.contains(QLatin1String("$ref")) && schema.isEmpty())
        return {place + ": a reference to nothing"};
    QList<QByteArray> all;
    for (const QString &word : schema.keys()) {
        if (!understood().contains(word))
            all.append(place + ": the schema says " + word.toUtf8());
    }
    const QJsonValue type = schema.value(QLatin1String("type"));
    if (type.isString() && !isOfType(value, type.toString()))
        return {place + ": no " + type.toString().toUtf8()};
    if (value.isObject())
        all += objectFaults(value.toObject(), schema, place);
    if (value.isArray() && schema.contains(QLatin1String("items"))) {
        int index = 0;
        for (const QJsonValue &item : value.toArray()) {
            all += faults(item, schema.value(QLatin1String("items")).toObject(),
                          place + '[' + QByteArray::number(index++) + ']');
        }
    }
    return all + scalarFaults(value, schema, place);
}

QList<QByteArray> JsonSchema::unknownWords(const QJsonObject &schema, const QByteArray &place)
{
    QList<QByteArray> all;
    for (const QString &word : schema.keys()) {
        if (!understood().contains(word))
            all.append(place + ": the schema says " + word.toUtf8());
    }
    const QJsonObject properties = schema.value(QLatin1String("properties")).toObject();
    for (auto it = properties.begin(); it != properties.end(); ++it)
        all += unknownWords(it.value().toObject(), place + '.' + it.key().toUtf8());
    for (const auto *inner : {"items", "additionalProperties"}) {
        const QJsonValue within = schema.value(QLatin1String(inner));
        if (within.isObject())
            all += unknownWords(within.toObject(), place + '.' + inner);
    }
    return all;
}

QList<QByteArray> JsonSchema::lineFaults(const QByteArray &text, const QJsonObject &schema,
                                         const QByteArray &place) const
{
    QList<QByteArray> all;
    if (!text.endsWith('\n'))
        return {place + ": no lines"};
    int number = 0;
    for (const QByteArray &line : text.chopped(1).split('\n')) {
        const QByteArray inner = place + " line " + QByteArray::number(++number);
        const QJsonDocument parsed = QJsonDocument::fromJson(line);
        all += parsed.isObject() ? faults(parsed.object(), schema, inner)
                                 : QList<QByteArray>{inner + ": no object"};
    }
    return all;
}

QList<QByteArray> JsonSchema::objectFaults(const QJsonObject &object, const QJsonObject &schema,
                                           const QByteArray &place) const
{
    QList<QByteArray> all;
    for (const QJsonValue &name : schema.value(QLatin1String("required")).toArray()) {
        if (!object.contains(name.toString()))
            all.append(place + ": lacks " + name.toString().toUtf8());
    }
    const QJsonObject properties = schema.value(QLatin1String("properties")).toObject();
    const QJsonValue others = schema.value(QLatin1String("additionalProperties"));
    for (auto it = object.begin(); it != object.end(); ++it) {
        const QByteArray inner = place + '.' + it.key().toUtf8();
        if (properties.contains(it.key()))
            all += faults(it.value(), properties.value(it.key()).toObject(), inner);
        else if (others.isBool() && !others.toBool())
            all.append(inner + ": is not described");
        else if (others.isObject())
            all += faults(it.value(), others.toObject(), inner);
    }
    return all;
}

QList<QByteArray> JsonSchema::scalarFaults(const QJsonValue &value, const QJsonObject &schema,
                                           const QByteArray &place) const
{
    QList<QByteArray> all;
    const QJsonValue choices = schema.value(QLatin1String("enum"));
    if (choices.isArray() && !choices.toArray().contains(value))
        all.append(place + ": is none of the values listed");
    const QJsonValue pattern = schema.value(QLatin1String("pattern"));
    if (pattern.isString() && value.isString() &&
        !QRegularExpression(pattern.toString()).match(value.toString()).hasMatch())
        all.append(place + ": does not have the form " + pattern.toString().toUtf8());
    const QJsonValue length = schema.value(QLatin1String("maxLength"));
    if (length.isDouble() && value.toString().size() > length.toInt())
        all.append(place + ": is too long");
    const QJsonValue least = schema.value(QLatin1String("minimum"));
    const QJsonValue most = schema.value(QLatin1String("maximum"));
    if (value.isDouble() && ((least.isDouble() && value.toDouble() < least.toDouble()) ||
                             (most.isDouble() && value.toDouble() > most.toDouble())))
        all.append(place + ": is out of its range");
    return all;
}

} // namespace dynakv::test
