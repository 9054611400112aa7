// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/app/theme.h"

#include "admin-gui/widgets/tokens.h"

#include <QApplication>
#include <QFile>
#include <QPalette>
#include <QSettings>
#include <QStyleFactory>
#include <QStyleHints>

namespace dynakv::admin {
namespace {

const QString kSetting = QStringLiteral("view/theme");

QPalette paletteOf(const Tokens &colours)
{
    QPalette palette;
    palette.setColor(QPalette::Window, colours.window);
    palette.setColor(QPalette::WindowText, colours.text);
    palette.setColor(QPalette::Base, colours.surface);
    palette.setColor(QPalette::AlternateBase, colours.raised);
    palette.setColor(QPalette::ToolTipBase, colours.raised);
    palette.setColor(QPalette::ToolTipText, colours.text);
    palette.setColor(QPalette::PlaceholderText, colours.muted);
    palette.setColor(QPalette::Text, colours.text);
    palette.setColor(QPalette::Button, colours.raised);
    palette.setColor(QPalette::ButtonText, colours.text);
    palette.setColor(QPalette::BrightText, colours.onAccent);
    palette.setColor(QPalette::Highlight, colours.selection);
    palette.setColor(QPalette::HighlightedText, colours.text);
    palette.setColor(QPalette::Link, colours.accent);
    palette.setColor(QPalette::Light, colours.raised);
    palette.setColor(QPalette::Midlight, colours.hover);
    palette.setColor(QPalette::Mid, colours.border);
    palette.setColor(QPalette::Dark, colours.border);
    palette.setColor(QPalette::Shadow, colours.border);
    QColor faint = colours.muted;
    faint.setAlphaF(0.6F);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, faint);
    return palette;
}

/// The style sheet with the names of the colours (`@border`) replaced by the colours.
QString styleSheetOf(const Tokens &colours)
{
    QFile file(QStringLiteral(":/style/dynakv-admin.qss"));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QString sheet = QString::fromUtf8(file.readAll());
    const std::pair<const char *, QColor> names[] = {
        {"@window", colours.window},      {"@surface", colours.surface},
        {"@raised", colours.raised},      {"@hover", colours.hover},
        {"@border", colours.border},      {"@text", colours.text},
        {"@muted", colours.muted},        {"@accent", colours.accent},
        {"@on-accent", colours.onAccent}, {"@selection", colours.selection},
        {"@bad-tint", colours.badTint},   {"@bad", colours.bad},
    };
    for (const auto &[name, colour] : names)
        sheet.replace(QLatin1String(name) + QLatin1Char(';'), colour.name() + QLatin1Char(';'));
    return sheet;
}

} // namespace

std::optional<Theme::Choice> themeFromName(const QString &name)
{
    if (name == QLatin1String("system"))
        return Theme::Choice::System;
    if (name == QLatin1String("light"))
        return Theme::Choice::Light;
    if (name == QLatin1String("dark"))
        return Theme::Choice::Dark;
    return std::nullopt;
}

Theme::Theme(QApplication &application)
    : m_application(application)
    ,
    // Before our own palette replaces it, the palette is the one of the system.
    m_startedDark(application.palette().color(QPalette::Window).lightness() < 128)
{
    application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
#if QT_VERSION >= QT_VERSION_CHECK(6, 5, 0)
    connect(QGuiApplication::styleHints(), &QStyleHints::colorSchemeChanged, this, [this] {
        if (m_choice == Choice::System)
            apply(Choice::System);
    });
#endif
}

Theme::Choice Theme::remembered()
{
    return themeFromName(QSettings().value(kSetting).toString()).value_or(Choice::System);
}

void Theme::remember(Choice choice)
{
    const char *name = choice == Choice::Light  ? "light"
                       : choice == Choice::Dark ? "dark"
                                                : "system";
    QSettings().setValue(kSetting, QLatin1String(name));
}

bool Theme::systemIsDark() const
{
#if QT_VERSION >= QT_VERSION_CHECK(6, 5, 0)
    return QGuiApplication::styleHints()->colorScheme() == Qt::ColorScheme::Dark;
#elif defined(Q_OS_WIN)
    const QSettings system(
        QStringLiteral(
            "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Themes\\Personalize"),
        QSettings::NativeFormat);
    return system.value(QStringLiteral("AppsUseLightTheme"), 1).toInt() == 0;
#else
    return m_startedDark;
#endif
}

void Theme::apply(Choice choice)
{
    m_choice = choice;
    const bool isDark = choice == Choice::Dark || (choice == Choice::System && systemIsDark());
    setTokens(isDark ? darkTokens() : lightTokens());
    m_application.setPalette(paletteOf(tokens()));
    m_application.setStyleSheet(styleSheetOf(tokens()));
}

} // namespace dynakv::admin
