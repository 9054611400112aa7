// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace dynakv::http {

/// Where the body of an answer without an end comes from: it hands parts to Connection::sendPart().
/// The connection owns it and destroys it when the client leaves or the node stops.
///
/// Thread: the connection's.
class BodyStream
{
public:
    BodyStream() = default;
    virtual ~BodyStream() = default;
    BodyStream(const BodyStream &) = delete;
    BodyStream &operator=(const BodyStream &) = delete;

    /// The client took all that was handed over; there is room for the next part.
    virtual void onSent() = 0;
};

} // namespace dynakv::http
