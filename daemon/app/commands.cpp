// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/commands.h"

#include "daemon/app/exit_code.h"
#include "daemon/app/log_line.h"
#include "shared/client/rest_client.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QJsonDocument>
#include <QLocale>

#include <algorithm>
#include <array>
#include <cstdio>

namespace dynakv::app {
namespace {

using base::api::ClusterStatus;
using base::api::MemberStatus;

constexpr std::size_t kColumns = 9;
using Row = std::array<QByteArray, kColumns>;

QByteArray safe(const QByteArray &text)
{
    return escapedForLog(QString::fromUtf8(text));
}

void print(std::FILE *stream, const QByteArray &text)
{
    std::fwrite(text.constData(), 1, static_cast<std::size_t>(text.size()), stream);
}

int printFailure(const client::Failure &failure)
{
    print(stderr, "dynakvd: " + safe(failure.message) + '\n');
    return static_cast<int>(failure.kind == client::FailureKind::Refused ? ExitCode::NotReady
                                                                         : ExitCode::NoConnection);
}

/// `5 s`, `12 min`, `3 h`, `9 d`: how long a state has lasted, as coarse as it is old.
QByteArray durationText(qint64 ms)
{
    const qint64 seconds = std::max<qint64>(ms, 0) / 1000;
    if (seconds < 120)
        return QByteArray::number(seconds) + " s";
    if (seconds < 7200)
        return QByteArray::number(seconds / 60) + " min";
    if (seconds < 48 * 3600)
        return QByteArray::number(seconds / 3600) + " h";
    return QByteArray::number(seconds / 86'400) + " d";
}

Row rowOf(const MemberStatus &member, qint64 wallMs)
{
    const auto size = [](qint64 bytes) {
        return QLocale::c().formattedDataSize(bytes, 1).toUtf8();
    };
    return {
        (member.isSelf ? "* " : "  ") + safe(member.address),
        safe(member.state) + (member.mayLack ? " (repairing)" : ""),
        durationText(wallMs - member.sinceMs), member.keys ? QByteArray::number(*member.keys) : "-",
        member.bytes ? size(*member.bytes) : "-",
        // Rounded up, so that what is full never looks as if it were not.
        member.memoryUsedPermille ? QByteArray::number((*member.memoryUsedPermille + 9) / 10) + " %"
                                  : "-",
        member.rttMs ? QByteArray::number(*member.rttMs, 'f', 1) + " ms" : "-",
        member.version.isEmpty() ? "-" : safe(member.version), safe(member.id)};
}

} // namespace

QByteArray memberTable(const ClusterStatus &status, qint64 wallMs)
{
    std::vector<Row> rows{
        {"  ADDRESS", "STATE", "SINCE", "KEYS", "SIZE", "MEMORY", "RTT", "VERSION", "ID"}};
    for (const MemberStatus &member : status.members)
        rows.push_back(rowOf(member, wallMs));
    std::array<qsizetype, kColumns> widths = {};
    for (const Row &row : rows) {
        for (std::size_t i = 0; i < kColumns; ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    QByteArray table;
    for (const Row &row : rows) {
        QByteArray line;
        for (std::size_t i = 0; i < kColumns; ++i)
            line += row[i].leftJustified(widths[i] + 2);
        while (line.endsWith(' '))
            line.chop(1);
        table += line + '\n';
    }
    return table;
}

int runHealth(const Options &options)
{
    client::RestClient client({options.target});
    client.setFailover(false);
    client.health(&client, [&options](const client::Answer<client::Health> &answer) {
        int code = static_cast<int>(ExitCode::Done);
        if (!answer.ok()) {
            code = printFailure(answer.failure);
        } else if (answer.value->isReady) {
            print(stdout, options.target.toString() + " is ready\n");
        } else {
            print(stdout, options.target.toString() +
                              " is not ready: " + safe(answer.value->detail) + '\n');
            code = static_cast<int>(ExitCode::NotReady);
        }
        QCoreApplication::exit(code);
    });
    return QCoreApplication::exec();
}

int runStatus(const Options &options)
{
    client::RestClient client({options.target});
    client.setFailover(false);
    client.cluster(&client, [&options](const client::Answer<ClusterStatus> &answer) {
        if (!answer.ok()) {
            QCoreApplication::exit(printFailure(answer.failure));
            return;
        }
        const ClusterStatus &status = *answer.value;
        if (options.isJson) {
            print(stdout, QJsonDocument(toJson(status)).toJson());
        } else {
            const QByteArray id = status.clusterId.isEmpty() ? "none" : safe(status.clusterId);
            print(stdout, "cluster " + id + ", this node is " + safe(status.state) +
                              (status.detail.isEmpty() ? "" : ": " + safe(status.detail)) + '\n');
            print(stdout, memberTable(status, QDateTime::currentMSecsSinceEpoch()));
        }
        QCoreApplication::exit(static_cast<int>(ExitCode::Done));
    });
    return QCoreApplication::exec();
}

} // namespace dynakv::app
