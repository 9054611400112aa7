// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/set_aside_command.h"

#include "daemon/app/exit_code.h"
#include "daemon/cluster/persisted_state_codec.h"
#include "daemon/storage/set_aside.h"
#include "daemon/storage/storage_worker.h"

#include <QDir>

#include <cstdio>

namespace dynakv::app {
namespace {

void print(std::FILE *stream, const QByteArray &text)
{
    std::fwrite(text.constData(), 1, static_cast<std::size_t>(text.size()), stream);
}

/// Only of a node that knows that it is none any more: of any other the file is what a member
/// acknowledged.
base::Result<QString> nameFor(const storage::Metas &metas)
{
    const auto stored = metas.find(cluster::kStateMetaName.toByteArray());
    if (stored == metas.end())
        return {base::ErrorCode::Conflict, "this file has never been a node's"};
    const auto state = cluster::decodeState(stored->second);
    if (!state)
        return state.error();
    if (!state->isForgotten) {
        return {base::ErrorCode::Conflict,
                "as far as this directory knows, node " + core::toHex16(state->node) +
                    " is a member of its cluster. Where it was forgotten while it was down, start "
                    "it once: the others tell it"};
    }
    return QStringLiteral("set-aside-") + QString::fromLatin1(core::toHex16(state->node));
}

QByteArray nextSteps(const QString &path)
{
    return path.toUtf8() +
           " is what the node held: `dynakvd export --file` looks into it. Started with a member "
           "to JOIN, a new node takes the directory.\n";
}

} // namespace

QStringList filesSetAside(const QString &directory)
{
    return QDir(directory).entryList({QStringLiteral("set-aside-*.db")}, QDir::Files, QDir::Name);
}

int runSetAside(const FileOptions &options)
{
    const QString directory = QDir::cleanPath(QDir::current().absoluteFilePath(options.dataDir));
    const auto path = storage::setFileAside(storage::realFileSystem(), directory, nameFor);
    if (path) {
        print(stdout, "set aside: " + nextSteps(*path));
        return static_cast<int>(ExitCode::Done);
    }
    // Asked again, or cut off behind the last step.
    const QStringList before = filesSetAside(directory);
    if (path.error().code == base::ErrorCode::NotFound && !before.isEmpty()) {
        print(stdout,
              "set aside before: " + nextSteps(directory + QLatin1Char('/') + before.last()));
        return static_cast<int>(ExitCode::Done);
    }
    print(stderr, "dynakvd: " + path.error().message + '\n');
    // Where it is a member's file a person must decide.
    const bool isRefused = path.error().code == base::ErrorCode::Conflict;
    return static_cast<int>(isRefused ? ExitCode::Unsafe : exitCodeOf(path.error().code));
}

} // namespace dynakv::app
