// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QJsonObject>

#include <vector>

namespace dynakv::test {

/// One operation of the API document with the examples of its parameters and of its body.
struct DocumentRequest
{
    QByteArray method = {};
    QByteArray path = {}; ///< As the document has it, with names in braces.
    QJsonObject operation = {};
    QByteArray optional = {}; ///< The one optional parameter that it has, if any.
    QByteArray target = {};
    QByteArray fields = {}; ///< Each ended by CRLF; Content-Length is among them where it is due.
    QByteArray body = {};

    /// For messages: method and path, and the optional parameter.
    [[nodiscard]] QByteArray name() const;
    /// Whether its usual answer is a stream without an end.
    [[nodiscard]] bool isStream() const;
};

/// Each operation with its required parameters, and again with each of the optional ones. What
/// writes comes first and what deletes last, so that the others find something.
std::vector<DocumentRequest> documentRequests(const QJsonObject &document);

} // namespace dynakv::test
