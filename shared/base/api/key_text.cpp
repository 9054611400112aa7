// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/key_text.h"

#include <QStringDecoder>

namespace dynakv::base::api {
namespace {

constexpr QLatin1String kKey("key");
constexpr QLatin1String kBase64("_b64");

int hexDigit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/// Qt's conversions drop a byte order mark at the start of a text, here and in its JSON parser. A
/// key may begin with one, and without it it would be another key.
bool losesByteOrderMark(QByteArrayView key)
{
    return key.startsWith("\xEF\xBB\xBF");
}

} // namespace

bool isUtf8(QByteArrayView bytes)
{
    return bytes.isValidUtf8();
}

bool isPlainText(QByteArrayView bytes)
{
    return isUtf8(bytes) && !losesByteOrderMark(bytes);
}

void putBytes(QJsonObject &object, QLatin1String name, const QByteArray &bytes)
{
    if (isPlainText(bytes))
        object.insert(name, QString::fromUtf8(bytes));
    else
        object.insert(name + kBase64, QString::fromLatin1(bytes.toBase64()));
}

Result<QByteArray> takeBytes(const QJsonObject &object, QLatin1String name)
{
    const QJsonValue plain = object.value(name);
    if (plain.isString())
        return plain.toString().toUtf8();
    const QString encodedName = name + kBase64;
    const QJsonValue encoded = object.value(encodedName);
    if (!encoded.isString()) {
        return {ErrorCode::Invalid, "neither '" + QByteArray(name.data(), name.size()) + "' nor '" +
                                        encodedName.toLatin1() + "' is there as a string"};
    }
    auto decoded = QByteArray::fromBase64Encoding(encoded.toString().toUtf8(),
                                                  QByteArray::AbortOnBase64DecodingErrors);
    if (!decoded)
        return {ErrorCode::Invalid, '\'' + encodedName.toLatin1() + "' is not base64"};
    return std::move(*decoded);
}

void putKey(QJsonObject &object, const QByteArray &key)
{
    putBytes(object, kKey, key);
}

Result<QByteArray> takeKey(const QJsonObject &object)
{
    return takeBytes(object, kKey);
}

QByteArray toTargetSegment(const QByteArray &key)
{
    // A segment of dots alone is folded even by careful clients, so that its dots are encoded too.
    const bool onlyDots = key == "." || key == "..";
    return key.toPercentEncoding({}, onlyDots ? "." : QByteArray());
}

Result<QByteArray> percentDecoded(QByteArrayView text)
{
    QByteArray bytes;
    bytes.reserve(text.size());
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes.append(text[i]);
            continue;
        }
        const int high = i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return {ErrorCode::Invalid,
                    "a '%' is not followed by two hex digits; write a plain '%' as %25"};
        bytes.append(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return bytes;
}

} // namespace dynakv::base::api
