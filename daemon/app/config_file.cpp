// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/config_file.h"

#include <QList>
#include <QStringDecoder>

namespace dynakv::app {
namespace {

bool isText(QByteArrayView line)
{
    QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString decoded = decoder.decode(line);
    if (decoder.hasError())
        return false;
    for (const char c : line) {
        const bool isControl = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        if (isControl && c != '\t')
            return false;
    }
    return true;
}

/// The line without its comment; a `#` inside double quotes is none.
QByteArray withoutComment(const QByteArray &line)
{
    bool isQuoted = false;
    for (qsizetype i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '"')
            isQuoted = !isQuoted;
        const bool atGap = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';
        if (c == '#' && atGap && !isQuoted)
            return line.first(i);
    }
    return line;
}

} // namespace

base::Result<std::vector<ConfigEntry>> parseConfig(const QByteArray &path, QByteArrayView text)
{
    int number = 0;
    const auto error = [&](const QByteArray &why) -> base::Error {
        return {base::ErrorCode::Invalid, path + ":" + QByteArray::number(number) + ": " + why};
    };
    if (text.size() > kConfigBytesMax)
        return {base::ErrorCode::Invalid, path + ": larger than 64 KiB: no configuration file"};
    if (text.startsWith("\xef\xbb\xbf"))
        text = text.sliced(3);

    std::vector<ConfigEntry> entries;
    for (const QByteArray &raw : text.toByteArray().split('\n')) {
        ++number;
        const QByteArray line = raw.endsWith('\r') ? raw.chopped(1) : raw;
        if (!isText(line))
            return error("not UTF-8 text");
        const QByteArray content = withoutComment(line).trimmed();
        if (content.isEmpty())
            continue;
        const qsizetype equals = content.indexOf('=');
        if (equals <= 0)
            return error("expected 'name = value'");
        ConfigEntry entry{content.first(equals).trimmed(), content.sliced(equals + 1).trimmed(),
                          number};
        if (entry.value.startsWith('"')) {
            if (entry.value.size() < 2 || entry.value.indexOf('"', 1) != entry.value.size() - 1)
                return error("the double quotes do not match");
            entry.value = entry.value.sliced(1, entry.value.size() - 2);
        }
        if (entry.value.isEmpty())
            return error("'" + entry.name + "' has no value; remove the line to keep the default");
        entries.push_back(std::move(entry));
    }
    return entries;
}

} // namespace dynakv::app
