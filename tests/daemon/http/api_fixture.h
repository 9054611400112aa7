// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/prefix_deletions.h"
#include "daemon/store/table.h"
#include "tests/daemon/http/fake_coordinator.h"
#include "tests/daemon/http/fake_file_keeper.h"

#include <QJsonObject>

#include <memory>

namespace dynakv::test {

/// What handlers are given, without a server: a real table, a fake node and a fake file.
struct ApiFixture
{
    explicit ApiFixture(qint64 nowMs, qsizetype valueBytesMax = qsizetype{1} << 20);

    store::Table table = {};
    FakeCoordinator coordinator{table};
    FakeFileKeeper file = {};
    std::unique_ptr<http::PrefixDeletions> deletions; ///< May end before the rest.
    http::ApiContext context;
};

/// A request as the front door hands it on. \a target: path and, behind a `?`, the query.
http::HttpRequest requestFor(http::Method method, const QByteArray &target);
/// The first field of that name; empty where there is none.
QByteArray headerOf(const http::HttpReply &reply, const char *name);
QJsonObject objectOf(const http::HttpReply &reply);

} // namespace dynakv::test
