// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/message.h"

#include <QRandomGenerator>

namespace dynakv::cluster {

/// Messages with random content in every field, for round trips. The same seed, the same messages.
class RandomMessages
{
public:
    explicit RandomMessages(quint32 seed)
        : m_random(seed)
    {
    }

    /// \a index is that of the alternative in core::Message.
    core::Message message(std::size_t index);
    core::MemberRecord member();
    core::Record record();

private:
    quint64 any();
    /// Small numbers as well as the greatest, since CBOR writes them in different lengths.
    quint64 number();
    bool coin() { return m_random.bounded(2) == 1; }
    QByteArray bytes(int min, int max);
    QByteArray host();
    core::TreeRoots hashes();
    core::LeafSet leafSet();
    std::optional<core::VersionSet> versionSet();
    core::ForwardedWrite forwardedWrite();
    core::WriteOutcome outcome();
    core::ListReply listReply();

    QRandomGenerator m_random;
};

} // namespace dynakv::cluster
