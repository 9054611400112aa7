// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/problem.h"

#include "shared/base/api/json_reader.h"

#include <QJsonDocument>

namespace dynakv::base::api {
namespace {

constexpr const char *kType = "type";
constexpr const char *kTitle = "title";
constexpr const char *kStatus = "status";
constexpr const char *kDetail = "detail";
constexpr const char *kCode = "code";
constexpr const char *kRequestId = "request_id";

void putText(QJsonObject &object, const char *name, const QByteArray &text)
{
    if (text.isEmpty())
        object.remove(QLatin1String(name));
    else
        object.insert(QLatin1String(name), QString::fromUtf8(text));
}

} // namespace

QByteArray toJsonBytes(const Problem &problem)
{
    QJsonObject object = problem.extra;
    // RFC 9457: about:blank says that the status tells the whole story; a code tells more.
    putText(object, kType,
            problem.code.isEmpty() ? QByteArray("about:blank")
                                   : "urn:dynakv:problem:" + problem.code);
    putText(object, kTitle, problem.title);
    object.insert(QLatin1String(kStatus), problem.status);
    putText(object, kDetail, problem.detail);
    putText(object, kCode, problem.code);
    putText(object, kRequestId, problem.requestId);
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

Result<Problem> problemFromJson(const QByteArray &body)
{
    const QJsonDocument document = QJsonDocument::fromJson(body);
    if (!document.isObject())
        return {ErrorCode::Invalid, "problem document: not a JSON object"};
    QJsonObject object = document.object();
    JsonReader reader(object, "problem document");
    Problem problem;
    const qint64 status = reader.integer(kStatus);
    problem.code = reader.optionalText(kCode);
    problem.title = reader.optionalText(kTitle);
    problem.detail = reader.optionalText(kDetail);
    problem.requestId = reader.optionalText(kRequestId);
    if (!reader.ok())
        return reader.error();
    if (status < 100 || status > 599)
        return {ErrorCode::Invalid, "problem document: 'status' is no HTTP status"};
    problem.status = static_cast<int>(status);
    problem.extra = object;
    for (const char *name : {kType, kTitle, kStatus, kDetail, kCode, kRequestId})
        problem.extra.remove(QLatin1String(name));
    return problem;
}

} // namespace dynakv::base::api
