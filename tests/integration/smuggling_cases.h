// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <vector>

namespace dynakv::test {

/// Bytes that two readers can take for different numbers of requests. Nearly all of them hold
/// `PUT /key/smuggled` at a place that is a request for one reading and part of another request, or
/// nothing at all, for the other.
struct SmugglingCase
{
    QByteArray name = {};
    QByteArray bytes = {};
    /// The status of each answer of the daemon itself, where `GET /key/mine` follows on the same
    /// connection. What ends with another answer than that to the GET ends the connection.
    QByteArray direct = {};
};

/// `PUT /key/smuggled`, whole.
QByteArray smuggledRequest();
/// `GET /key/theirs` whose body is smuggledRequest(); nothing is wrong with that.
QByteArray smuggledInAGet();
/// As that, but the body is only the beginning of such a request, which goes on for \a bytesMore.
QByteArray smuggledBeginning(int bytesMore);

std::vector<SmugglingCase> smugglingCases();

} // namespace dynakv::test
