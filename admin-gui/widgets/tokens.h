// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>

namespace dynakv::admin {

/// What a colour means. Every state also has an icon and a word; colour never stands alone.
enum class Tone : quint8 { Text, Muted, Accent, OnAccent, Good, Warning, Bad };

/// The colours of one appearance. One set is in force at a time; only the GUI thread touches it.
struct Tokens
{
    bool isDark = false;
    QColor window;  ///< Behind everything.
    QColor surface; ///< Lists, editor, cards.
    QColor raised;  ///< Headers of tables, buttons.
    QColor hover;
    QColor border;
    QColor text;
    QColor muted; ///< Secondary text; at least 4.5:1 on surface.
    QColor accent;
    QColor onAccent;
    QColor selection;
    QColor good;
    QColor warning;
    QColor bad;
    QColor goodTint; ///< Behind text of the same tone.
    QColor warningTint;
    QColor badTint;
    QColor jsonName;
    QColor jsonText;
    QColor jsonNumber;
    QColor jsonWord;

    [[nodiscard]] QColor of(Tone tone) const;
    [[nodiscard]] QColor tintOf(Tone tone) const;
};

const Tokens &lightTokens();
const Tokens &darkTokens();
/// The set in force.
const Tokens &tokens();
void setTokens(const Tokens &inForce);

/// The spacing grid, in device-independent pixels.
namespace space {
inline constexpr int kTiny = 4;
inline constexpr int kSmall = 8;
inline constexpr int kMedium = 12;
inline constexpr int kLarge = 16;
inline constexpr int kHuge = 24;
} // namespace space

} // namespace dynakv::admin
