// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

namespace dynakv::http {

/// Decodes one chunked body (RFC 9112, 7.1), fed in pieces of any size. Extensions and trailer
/// fields are checked and dropped. Everything is bounded: the body by the limit given, one size
/// line and all trailers together by 4 KiB.
class ChunkedDecoder
{
public:
    enum class Status : quint8 { NeedMore, Done, Malformed, TooLarge };

    explicit ChunkedDecoder(qsizetype bodyBytesMax)
        : m_bodyBytesMax(bodyBytesMax)
    {
    }

    /// Takes bytes off the front of \a input, which keeps what it did not take, and appends the
    /// body's to \a body. After any answer but NeedMore the decoder is done.
    Status feed(QByteArrayView &input, QByteArray &body);

private:
    enum class Place : quint8 { Size, Extension, SizeEnd, Data, DataCr, DataLf, Trailer };

    Status sizeByte(char c);
    Status sizeEnd(char c);
    Status trailerByte(char c);
    Status lineByte(char c);

    qsizetype m_bodyBytesMax = 0;
    Place m_place = Place::Size;
    qint64 m_chunkLeft = 0;
    int m_sizeDigits = 0;
    qsizetype m_lineBytes = 0;
    qsizetype m_trailerBytes = 0;
    QByteArray m_trailerLine = {};
};

} // namespace dynakv::http
