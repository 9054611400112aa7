// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/frame_reader.h"

namespace dynakv::storage {

FrameReader::FrameReader(FileWindow &window, const FrameChain &chain)
    : m_window(window)
    , m_chain(chain)
{
}

base::Result<std::optional<FrameReader::Frame>> FrameReader::next()
{
    const auto head = m_window.at(m_chain.offset, kFrameHeaderBytes);
    if (!head)
        return head.error();
    const auto header = readFrameHeader(*head, m_chain.fileSeed, m_chain.offset);
    const bool isComplete = header && header->continues(m_chain) &&
                            m_chain.offset + header->frameBytes() <= m_window.fileBytes();
    if (!isComplete)
        return std::optional<Frame>();
    const auto payload = m_window.at(m_chain.offset + kFrameHeaderBytes, header->payloadBytes);
    if (!payload)
        return payload.error();
    if (!isPayloadIntact(*header, *payload, m_chain.fileSeed, m_chain.offset))
        return std::optional<Frame>();
    const Frame frame = {*header, m_chain.offset, *payload};
    m_chain = chainBehind(*header, m_chain);
    return std::optional<Frame>(frame);
}

} // namespace dynakv::storage
