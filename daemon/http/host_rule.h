// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <optional>
#include <vector>

/// What keeps a web page in somebody's browser from using this API: the name under which a request
/// reached us (against DNS rebinding) and where it came from (against cross-site requests).
namespace dynakv::http {

struct RequestHead;
struct Refusal;

struct Authority
{
    QByteArrayView host = {}; ///< IPv6 literals without their brackets.
    QByteArrayView port = {};
    bool isIpLiteral = false;
};

/// `host[:port]` as it stands in Host; nothing where it is malformed or has user information.
std::optional<Authority> parseAuthority(QByteArrayView text);

struct HostRule
{
    bool isOff = false;
    std::vector<QByteArray> names = {}; ///< Lower case; besides IP literals and localhost.
};

/// 421 where a request came under a name that is not ours, 403 where another site sent it.
/// IP literals cannot be rebound, so that any of them is ours; the port is not compared.
std::optional<Refusal> refusalOf(const RequestHead &head, const HostRule &rule);

} // namespace dynakv::http
