// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/http_message.h"

#include <QJsonObject>

#include <optional>
#include <vector>

namespace dynakv::storage {
struct StorageJob;
}

/// Jobs of every kind as the API tells of them. Those of the file are numbered, those that delete
/// keys have a `d` before their number, so that no two have one id.
namespace dynakv::http {

struct PrefixDeletion;

QJsonObject toJson(const storage::StorageJob &job);
QJsonObject toJson(const PrefixDeletion &job);

/// 202 with \a job, and where it can be followed.
HttpReply acceptedReply(const QJsonObject &job);

/// The jobs that this process remembers, newest first.
std::vector<QJsonObject> allJobs(const ApiContext &context);
std::optional<QJsonObject> findJob(const ApiContext &context, QByteArrayView id);

} // namespace dynakv::http
