// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/export_sequence.h"

namespace dynakv::app {
namespace {

base::Error invalid(const char *why)
{
    return {base::ErrorCode::Invalid, why};
}

} // namespace

ExportTrailer ExportSequence::trailer() const
{
    return {m_records, m_hash.result().toHex()};
}

base::Result<void> ExportSequence::check(const ExportLine &line) const
{
    if (m_isComplete)
        return invalid("there is something after the last line of the export");
    const bool isHeader = std::holds_alternative<ExportHeader>(line);
    if (!hasHeader() && !isHeader)
        return invalid("the header of an export is missing");
    if (hasHeader() && isHeader)
        return invalid("a second header; one file holds one export");
    if (const auto *record = std::get_if<ExportRecord>(&line)) {
        if (!record->key.startsWith(m_header.prefix))
            return invalid("its key does not begin with the prefix of the header");
        if (record->key <= m_lastKey)
            return invalid("its key does not stand behind the one before");
    }
    if (const auto *told = std::get_if<ExportTrailer>(&line)) {
        const ExportTrailer counted = trailer();
        if (told->count != counted.count)
            return {base::ErrorCode::Corrupt,
                    "it says that there are " + QByteArray::number(told->count) +
                        " records, and there are " + QByteArray::number(counted.count)};
        if (told->sha256 != counted.sha256)
            return {base::ErrorCode::Corrupt,
                    "the lines before it have another SHA-256 than it says"};
    }
    return {};
}

base::Result<ExportLine> ExportSequence::take(QByteArrayView line)
{
    const QByteArray place = "line " + QByteArray::number(m_lines + 1) + ": ";
    auto parsed = parseExportLine(line);
    if (!parsed)
        return {parsed.error().code, place + parsed.error().message};
    if (const auto checked = check(*parsed); !checked)
        return {checked.error().code, place + checked.error().message};
    if (const auto *header = std::get_if<ExportHeader>(&*parsed)) {
        m_header = *header;
    } else if (const auto *record = std::get_if<ExportRecord>(&*parsed)) {
        m_lastKey = record->key;
        ++m_records;
    } else {
        m_isComplete = true;
    }
    if (!m_isComplete) {
        m_hash.addData(line);
        m_hash.addData("\n");
    }
    ++m_lines;
    return parsed;
}

} // namespace dynakv::app
