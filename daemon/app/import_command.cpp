// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/import_command.h"

#include "daemon/storage/storage_worker.h"

#include <QDateTime>
#include <QTimer>

namespace dynakv::app {
namespace {

using base::ErrorCode;
using base::Result;

constexpr qint64 kHeaderLine = 1;
constexpr qint64 kKeepMs = 1000;
/// As many as two batches, so that one answer is followed by more than one new request until all
/// that may be on their way are.
constexpr int kLinesAtOnce = 2000;
constexpr qint64 kRefusalsTold = 20;

} // namespace

ImportCommand::ImportCommand(const Options &options)
    : TransferCommand(options, "imported")
{
}

QByteArray ImportCommand::told(const QByteArray &text) const
{
    return (isStream() ? QByteArray("standard input") : options().file.toUtf8()) + ": " + text;
}

void ImportCommand::start()
{
    if (isStream() || check())
        askCluster([this](const base::api::ClusterStatus &status) { begin(status); });
}

bool ImportCommand::check()
{
    auto source = ImportSource::open(storage::realFileSystem(), options().file);
    if (!source) {
        end(fileExitCode(source.error().code), source.error().message);
        return false;
    }
    const auto plan = planImport(**source);
    if (!plan) {
        end(fileExitCode(plan.error().code), told(plan.error().message + "; nothing was written"));
        return false;
    }
    m_plan = *plan;
    if (!plan->damage)
        return true;
    const auto &[code, why] = *plan->damage;
    const QByteArray before = QByteArray::number(plan->records) + " records before it";
    if (code != ErrorCode::Invalid) {
        end(fileExitCode(code), told(why + "; nothing was written"));
        return false;
    }
    if (!options().isForced) {
        end(ExitCode::BadData, told(why + "; nothing was written; --force imports the " + before));
        return false;
    }
    tell(told(why + "; importing the " + before + "; it and what stood behind it is missing"));
    return true;
}

Result<ImportProgress> ImportCommand::place(const QByteArray &clusterId)
{
    ImportProgress fresh{clusterId, options().mode, {}, kHeaderLine, {}};
    if (!m_plan)
        return fresh;
    fresh.sha256 = m_plan->sha256;
    const auto kept = m_progressFile->load();
    if (!options().resumes) {
        if (kept)
            tell(told("an earlier import came to line " + QByteArray::number(kept->line) +
                      "; beginning anew, since --resume is not given"));
        return fresh;
    }
    if (!kept && kept.error().code == ErrorCode::NotFound)
        return {ErrorCode::Conflict, told("there is no import to go on with; leave out --resume")};
    if (!kept)
        return kept.error();
    const auto differs = [&](const QByteArray &how) {
        return base::Error{ErrorCode::Conflict, m_progressFile->path().toUtf8() + " is of " + how +
                                                    "; begin anew without --resume"};
    };
    if (kept->clusterId != clusterId)
        return differs("an import into cluster " + kept->clusterId + ", and the node is of " +
                       clusterId);
    if (kept->mode != options().mode)
        return differs("an import with --" + toText(kept->mode));
    if (kept->sha256 != fresh.sha256 || kept->line < kHeaderLine ||
        kept->line > m_plan->records + kHeaderLine)
        return differs("another content of the file");
    return kept;
}

Result<void> ImportCommand::openBehind(qint64 line)
{
    auto source = ImportSource::open(storage::realFileSystem(), options().file);
    if (!source)
        return source.error();
    m_source = std::move(*source);
    while (m_source->sequence().lines() < line) {
        const auto skipped = m_source->next();
        if (!skipped)
            return {skipped.error().code, told(skipped.error().message)};
        if (!*skipped)
            return {ErrorCode::Invalid, told("it became shorter meanwhile")};
    }
    return {};
}

void ImportCommand::begin(const base::api::ClusterStatus &status)
{
    if (m_plan)
        m_progressFile =
            std::make_unique<ImportProgressFile>(storage::realFileSystem(), options().file);
    const auto place = this->place(status.clusterId);
    if (!place) {
        end(fileExitCode(place.error().code), place.error().message);
        return;
    }
    m_progress = *place;
    if (const auto opened = openBehind(m_progress.line); !opened) {
        end(fileExitCode(opened.error().code), opened.error().message);
        return;
    }
    m_writer = std::make_unique<ImportWriter>(node().nodeInUse(), options().mode, m_progress,
                                              QDateTime::currentMSecsSinceEpoch);
    // From the first record on there is something to go on with.
    keepProgress();
    connect(m_writer.get(), &ImportWriter::progressed, this, &ImportCommand::pump);
    connect(m_writer.get(), &ImportWriter::recordRefused, this,
            [this](qint64 line, const QByteArray &key, const QByteArray &why) {
                if (++m_refusals > kRefusalsTold)
                    return;
                tell(told("line " + QByteArray::number(line) + ", key " +
                          key.left(64).toPercentEncoding(":/") + ": refused: " + why));
            });
    onSignal([this] {
        m_writer->stop("stopped");
        pump();
    });
    pump();
}

void ImportCommand::readSome()
{
    for (int i = 0; i < kLinesAtOnce && !m_isRead && m_writer->hasRoom(); ++i) {
        // The loop that blocks in reading takes no answers.
        if (isStream() && m_source->mayBlock() && !m_writer->isIdle())
            return;
        const bool isBeforeDamage =
            m_plan && m_plan->damage && m_source->sequence().records() == m_plan->records;
        if (isBeforeDamage) {
            m_isRead = true;
            return;
        }
        auto line = m_source->next();
        if (!line) {
            m_stopCode = fileExitCode(line.error().code);
            m_writer->stop(told(line.error().message));
        } else if (!*line) {
            m_isRead = true;
        } else if (auto *record = std::get_if<ExportRecord>(&**line)) {
            m_writer->add(std::move(*record));
        }
    }
}

void ImportCommand::pump()
{
    if (isOver())
        return;
    readSome();
    showProgress(m_writer->doneLine() - kHeaderLine, m_plan ? m_plan->records : 0);
    if (elapsedMs() - m_keptAtMs >= kKeepMs)
        keepProgress();
    if (!m_writer->isIdle())
        return;
    if (!m_writer->stopReason().isEmpty())
        finishStopped();
    else if (m_isRead)
        finish();
    else
        QTimer::singleShot(0, this, &ImportCommand::pump);
}

void ImportCommand::keepProgress()
{
    m_keptAtMs = elapsedMs();
    if (!m_progressFile)
        return;
    m_progress.line = m_writer->doneLine();
    m_progress.counts = m_writer->counts();
    if (const auto saved = m_progressFile->save(m_progress); !saved) {
        tell(saved.error().message + "; --resume will not know how far this import came");
        m_progressFile.reset();
    }
}

void ImportCommand::finish()
{
    if (m_progressFile) {
        if (const auto removed = m_progressFile->remove(); !removed)
            tell(removed.error().message);
    }
    const ImportCounts &counts = m_writer->counts();
    const auto number = [](qint64 count) { return QByteArray::number(count); };
    const double seconds = static_cast<double>(elapsedMs()) / 1000;
    end(counts.failed > 0 ? ExitCode::SomeRefused : ExitCode::Done,
        told("imported: " + number(counts.written) + " written, " + number(counts.existing) +
             " skipped existing, " + number(counts.expired) + " skipped expired, " +
             number(counts.failed) + " failed, in " + QByteArray::number(seconds, 'f', 1) + " s"));
}

void ImportCommand::finishStopped()
{
    keepProgress();
    QByteArray line = m_writer->stopReason() + "; imported up to line " +
                      QByteArray::number(m_writer->doneLine());
    if (m_plan)
        line += " of " + QByteArray::number(m_plan->records + kHeaderLine);
    if (m_progressFile)
        line += "; --resume goes on";
    end(m_stopCode, line);
}

int runImport(const Options &options)
{
    ImportCommand command(options);
    command.start();
    return command.run();
}

} // namespace dynakv::app
