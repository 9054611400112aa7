// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/chunked_decoder.h"

#include "daemon/http/head_parser.h"

namespace dynakv::http {
namespace {

constexpr int kSizeDigitsMax = 15; // Fits 63 bits with room; leading zeros count.
constexpr qsizetype kLineBytesMax = 4096;
constexpr qsizetype kTrailerBytesMax = 4096;

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

} // namespace

ChunkedDecoder::Status ChunkedDecoder::feed(QByteArrayView &input, QByteArray &body)
{
    Status status = Status::NeedMore;
    while (status == Status::NeedMore && !input.isEmpty()) {
        if (m_place == Place::Data) {
            if (m_chunkLeft > m_bodyBytesMax - body.size())
                return Status::TooLarge;
            const auto part = static_cast<qsizetype>(qMin<qint64>(m_chunkLeft, input.size()));
            body.append(input.first(part));
            input = input.sliced(part);
            m_chunkLeft -= part;
            if (m_chunkLeft == 0)
                m_place = Place::DataCr;
            continue;
        }
        const char c = input.front();
        input = input.sliced(1);
        status = lineByte(c);
        // Refused when announced, not when it has all been sent.
        if (m_place == Place::Data && m_chunkLeft > m_bodyBytesMax - body.size())
            return Status::TooLarge;
    }
    return status;
}

ChunkedDecoder::Status ChunkedDecoder::lineByte(char c)
{
    switch (m_place) {
    case Place::Size:
    case Place::Extension:
        return sizeByte(c);
    case Place::SizeEnd:
        return sizeEnd(c);
    case Place::DataCr:
        m_place = Place::DataLf;
        return c == '\r' ? Status::NeedMore : Status::Malformed;
    case Place::DataLf:
        m_place = Place::Size;
        m_sizeDigits = 0;
        m_lineBytes = 0;
        return c == '\n' ? Status::NeedMore : Status::Malformed;
    case Place::Trailer:
        return trailerByte(c);
    case Place::Data:
        break;
    }
    return Status::Malformed;
}

ChunkedDecoder::Status ChunkedDecoder::sizeByte(char c)
{
    if (++m_lineBytes > kLineBytesMax)
        return Status::Malformed;
    if (c == '\r') {
        m_place = Place::SizeEnd;
        return m_sizeDigits > 0 ? Status::NeedMore : Status::Malformed;
    }
    if (m_place == Place::Extension) {
        const auto u = static_cast<unsigned char>(c);
        return (u >= 0x20 && u != 0x7f) || c == '\t' ? Status::NeedMore : Status::Malformed;
    }
    if (c == ';' && m_sizeDigits > 0) {
        m_place = Place::Extension;
        return Status::NeedMore;
    }
    const int digit = hexDigit(c);
    if (digit < 0 || ++m_sizeDigits > kSizeDigitsMax)
        return Status::Malformed;
    m_chunkLeft = m_chunkLeft * 16 + digit;
    return Status::NeedMore;
}

ChunkedDecoder::Status ChunkedDecoder::sizeEnd(char c)
{
    m_place = m_chunkLeft == 0 ? Place::Trailer : Place::Data;
    return c == '\n' ? Status::NeedMore : Status::Malformed;
}

ChunkedDecoder::Status ChunkedDecoder::trailerByte(char c)
{
    if (++m_trailerBytes > kTrailerBytesMax)
        return Status::Malformed;
    m_trailerLine.append(c);
    if (c != '\n')
        return Status::NeedMore;
    if (m_trailerLine == "\r\n")
        return Status::Done;
    if (!m_trailerLine.endsWith("\r\n") || !isFieldLine(QByteArrayView(m_trailerLine).chopped(2)))
        return Status::Malformed;
    m_trailerLine.clear();
    return Status::NeedMore;
}

} // namespace dynakv::http
