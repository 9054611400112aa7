// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QStringList>

#include <vector>

namespace dynakv::test {

/// One call of curl, and what docs/rest-api.md promises for it.
struct CurlCase
{
    QByteArray name = {};
    QByteArray method = {};
    /// `/key/there` has the value 1, `/key/absent` has none.
    QByteArray target = {};
    /// Without method and URL; "{version}" stands for the version of the value that is there.
    QStringList arguments = {};
    int status = 0;
    /// What a GET of the key answers with afterwards; empty: 404.
    QByteArray after = {};
    /// A part of the body.
    QByteArray body = {};
    /// What curl is given on its standard input.
    QByteArray input = {};
};

/// Every method with every condition, on a key that is there and on one that is not.
std::vector<CurlCase> conditionCases();
/// The ways in which curl sends a body, with and without a condition.
std::vector<CurlCase> uploadCases();
/// The ways in which it asks for a value.
std::vector<CurlCase> readCases();
/// What is refused, whatever the key.
std::vector<CurlCase> refusalCases();

} // namespace dynakv::test
