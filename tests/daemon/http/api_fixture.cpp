// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/api_fixture.h"

#include <QJsonDocument>

namespace dynakv::test {

ApiFixture::ApiFixture(qint64 nowMs, qsizetype valueBytesMax)
    : deletions(
          std::make_unique<http::PrefixDeletions>(table, coordinator, [nowMs] { return nowMs; }))
    , context{table,
              coordinator,
              file,
              valueBytesMax,
              "1.2.3",
              [nowMs] { return nowMs; },
              core::Durability::Sync,
              *deletions}
{
}

http::HttpRequest requestFor(http::Method method, const QByteArray &target)
{
    http::HttpRequest request;
    request.method = method;
    const qsizetype question = target.indexOf('?');
    request.path = question < 0 ? target : target.first(question);
    request.query = question < 0 ? QByteArray() : target.sliced(question + 1);
    request.requestId = "id-1";
    return request;
}

QByteArray headerOf(const http::HttpReply &reply, const char *name)
{
    for (const auto &[each, value] : reply.headers) {
        if (each == name)
            return value;
    }
    return {};
}

QJsonObject objectOf(const http::HttpReply &reply)
{
    return QJsonDocument::fromJson(reply.body).object();
}

} // namespace dynakv::test
