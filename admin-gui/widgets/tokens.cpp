// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/tokens.h"

namespace dynakv::admin {
namespace {

const Tokens *&inForceNow()
{
    static const Tokens *inForce = &lightTokens();
    return inForce;
}

} // namespace

const Tokens &lightTokens()
{
    static const Tokens light{
        .isDark = false,
        .window = QColor(0xf4f5f7),
        .surface = QColor(0xffffff),
        .raised = QColor(0xf9fafb),
        .hover = QColor(0xeceef2),
        .border = QColor(0xdcdfe4),
        .text = QColor(0x1c2026),
        .muted = QColor(0x5d6673),
        .accent = QColor(0x2457d6),
        .onAccent = QColor(0xffffff),
        .selection = QColor(0xdbe6ff),
        .good = QColor(0x17723c),
        .warning = QColor(0x8a5300),
        .bad = QColor(0xb3261e),
        .goodTint = QColor(0xe3f4e8),
        .warningTint = QColor(0xfff1d6),
        .badTint = QColor(0xfde7e5),
        .jsonName = QColor(0x1f4bb8),
        .jsonText = QColor(0x146c3a),
        .jsonNumber = QColor(0x9a4a00),
        .jsonWord = QColor(0x7a35b0),
    };
    return light;
}

const Tokens &darkTokens()
{
    static const Tokens dark{
        .isDark = true,
        .window = QColor(0x15171b),
        .surface = QColor(0x1b1e23),
        .raised = QColor(0x22262c),
        .hover = QColor(0x2b3038),
        .border = QColor(0x32373f),
        .text = QColor(0xe7e9ec),
        .muted = QColor(0x9aa3af),
        .accent = QColor(0x7aa7ff),
        .onAccent = QColor(0x0d1626),
        .selection = QColor(0x283d63),
        .good = QColor(0x6fcf8f),
        .warning = QColor(0xf0b955),
        .bad = QColor(0xff8a80),
        .goodTint = QColor(0x1d3326),
        .warningTint = QColor(0x3a2e16),
        .badTint = QColor(0x402321),
        .jsonName = QColor(0x8fb4ff),
        .jsonText = QColor(0x86d39f),
        .jsonNumber = QColor(0xf0b27a),
        .jsonWord = QColor(0xc9a1f2),
    };
    return dark;
}

const Tokens &tokens()
{
    return *inForceNow();
}

void setTokens(const Tokens &inForce)
{
    inForceNow() = &inForce;
}

QColor Tokens::of(Tone tone) const
{
    switch (tone) {
    case Tone::Text:
        return text;
    case Tone::Muted:
        return muted;
    case Tone::Accent:
        return accent;
    case Tone::OnAccent:
        return onAccent;
    case Tone::Good:
        return good;
    case Tone::Warning:
        return warning;
    case Tone::Bad:
        return bad;
    }
    return text;
}

QColor Tokens::tintOf(Tone tone) const
{
    switch (tone) {
    case Tone::Good:
        return goodTint;
    case Tone::Warning:
        return warningTint;
    case Tone::Bad:
        return badTint;
    case Tone::Accent:
        return selection;
    case Tone::Text:
    case Tone::Muted:
    case Tone::OnAccent:
        break;
    }
    return raised;
}

} // namespace dynakv::admin
