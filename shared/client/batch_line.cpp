// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/batch_line.h"

#include "shared/base/api/key_text.h"
#include "shared/client/json_slice.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::client {

std::optional<QByteArray> batchLine(const QByteArray &key, const Value &value, bool isCreate)
{
    if (!value.isRaw && (value.bytes.contains('\n') || !isOneValue(value.bytes)))
        return std::nullopt;
    QJsonObject members{{QLatin1String("op"), QLatin1String("put")}};
    base::api::putKey(members, key);
    if (value.ttlSeconds > 0)
        members.insert(QLatin1String("ttl"), value.ttlSeconds);
    if (isCreate)
        members.insert(QLatin1String("if_none_match"), QLatin1String("*"));
    if (value.isRaw && !value.contentType.isEmpty())
        members.insert(QLatin1String("content_type"), QString::fromUtf8(value.contentType));
    QByteArray line = QJsonDocument(members).toJson(QJsonDocument::Compact);
    line.chop(1);
    if (value.isRaw)
        return line + ",\"value_b64\":\"" + value.bytes.toBase64() + "\"}\n";
    return line + ",\"value\":" + value.bytes + "}\n";
}

} // namespace dynakv::client
