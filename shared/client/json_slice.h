// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>

#include <optional>
#include <vector>

/// Finds parts of JSON text without converting them: numbers keep their digits and objects the
/// order of their members. It follows strings and brackets only; whether the text inside is valid
/// JSON is for others to judge.
namespace dynakv::client {

/// The text of the member \a name (plain ASCII) of the object \a text, without the space around it.
std::optional<QByteArrayView> memberText(QByteArrayView text, QByteArrayView name);

/// The texts of the elements of the array \a text, in order, without the space around them.
std::optional<std::vector<QByteArrayView>> elementTexts(QByteArrayView text);

/// Whether \a text is one value and nothing after it, so that it can stand in a document of ours
/// without adding members to it.
bool isOneValue(QByteArrayView text);

} // namespace dynakv::client
