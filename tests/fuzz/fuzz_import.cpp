// SPDX-License-Identifier: GPL-3.0-or-later

// A file given to `dynakvd import`, and the progress kept beside it: any line that is taken is
// written again as a line that reads the same, its value fits into the body of a PUT, and a file
// is whole only with everything it counts.
#include "daemon/app/import_progress.h"
#include "daemon/app/import_source.h"
#include "daemon/http/strict_json.h"

#include <QByteArrayList>

#include <cstdint>
#include <cstdlib>

namespace {

using namespace dynakv;

void checkRecord(const app::ExportRecord &record)
{
    if (record.key.isEmpty() || record.key.size() > base::limits::kKeyBytesMax)
        std::abort();
    if (!record.contentType.isEmpty())
        return;
    const auto envelope = http::parsePutBody("{\"value\":" + record.value + "}");
    if (!envelope || envelope->value != record.value || envelope->ttl)
        std::abort();
}

void checkLine(QByteArrayView line)
{
    const auto parsed = app::parseExportLine(line);
    if (!parsed)
        return;
    const QByteArray text = toLine(*parsed);
    if (text.count('\n') != 1 || !text.endsWith('\n'))
        std::abort();
    const auto again = app::parseExportLine(QByteArrayView(text).chopped(1));
    if (!again || *again != *parsed)
        std::abort();
    if (const auto *record = std::get_if<app::ExportRecord>(&*parsed))
        checkRecord(*record);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray text(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    for (const QByteArray &line : text.split('\n'))
        checkLine(line);

    app::ImportSource source([&text, place = qsizetype{0}](qint64) mutable {
        const QByteArray piece = text.sliced(place, qMin<qsizetype>(61, text.size() - place));
        place += piece.size();
        return base::Result<QByteArray>(piece);
    });
    const auto plan = app::planImport(source);
    if (plan && !plan->damage && text.count('\n') != plan->records + 2)
        std::abort();
    if (!plan && source.sequence().hasHeader())
        std::abort();

    if (const auto progress = app::parseImportProgress(text)) {
        const auto again = app::parseImportProgress(toText(*progress));
        if (!again || *again != *progress)
            std::abort();
    }
    return 0;
}
