// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/file_window.h"

namespace dynakv::storage {
namespace {

constexpr qint64 kStepBytes = qint64{1} << 20;

}

FileWindow::FileWindow(File &file, qint64 fileBytes)
    : m_file(file)
    , m_fileBytes(fileBytes)
{
}

base::Result<QByteArrayView> FileWindow::at(qint64 offset, qint64 length)
{
    const qint64 wanted = qBound<qint64>(0, m_fileBytes - offset, length);
    if (offset < m_start || offset + wanted > m_start + m_bytes.size()) {
        const qint64 step = qMin(qMax(wanted, kStepBytes), m_fileBytes - offset);
        auto bytes = m_file.readAt(offset, qMax<qint64>(0, step));
        if (!bytes)
            return bytes.error();
        if (bytes->size() < wanted)
            return {base::ErrorCode::Io, "the file became shorter while it was read"};
        m_bytes = *std::move(bytes);
        m_start = offset;
    }
    return QByteArrayView(m_bytes).sliced(offset - m_start, wanted);
}

} // namespace dynakv::storage
