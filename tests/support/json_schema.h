// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QJsonObject>
#include <QJsonValue>
#include <QList>

namespace dynakv::test {

/// The part of JSON Schema 2020-12 that our API document uses. Shares no code with the product.
class JsonSchema
{
public:
    /// \a document holds what `$ref` points to.
    explicit JsonSchema(QJsonObject document)
        : m_document(std::move(document))
    {
    }

    /// What in \a value is not as \a schema says, each with its place; a keyword that is not
    /// understood here is a fault too.
    [[nodiscard]] QList<QByteArray> faults(const QJsonValue &value, const QJsonObject &schema,
                                           const QByteArray &place = "$") const;
    /// The same of each line of \a text, whose ends are line feeds.
    [[nodiscard]] QList<QByteArray> lineFaults(const QByteArray &text, const QJsonObject &schema,
                                               const QByteArray &place = "$") const;
    /// The keywords of \a schema, and of what it is made of, that faults() does not understand: a
    /// property may be absent from each answer that a test happens to get.
    [[nodiscard]] static QList<QByteArray> unknownWords(const QJsonObject &schema,
                                                        const QByteArray &place = "$");
    /// \a object, or what its `$ref` points to; empty where that is nothing.
    [[nodiscard]] QJsonObject resolved(const QJsonObject &object) const;

private:
    [[nodiscard]] QList<QByteArray> objectFaults(const QJsonObject &object,
                                                 const QJsonObject &schema,
                                                 const QByteArray &place) const;
    [[nodiscard]] QList<QByteArray> scalarFaults(const QJsonValue &value, const QJsonObject &schema,
                                                 const QByteArray &place) const;

    QJsonObject m_document;
};

} // namespace dynakv::test
