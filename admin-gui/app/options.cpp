// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/app/options.h"

#include "shared/base/limits.h"

namespace dynakv::admin {
namespace {

constexpr const char *kHelp =
    "Usage: dynakv-admin [options] [ADDRESS]\n"
    "The desktop application for DynaKV clusters.\n"
    "\n"
    "ADDRESS           host:port of any node, e.g. 127.0.0.1:6660; without it a page asks for one\n"
    "--theme NAME      system, light or dark, for this run\n"
    "-h, --help        show this text\n"
    "-v, --version     show the version\n"
    "\n"
    "Options of Qt, such as -platform NAME, are understood as well.\n";

Options ending(int code, const QByteArray &text)
{
    Options options;
    options.exitCode = code;
    options.text = text;
    return options;
}

Options complaint(const QByteArray &what)
{
    return ending(2, "dynakv-admin: " + what + "; see dynakv-admin --help\n");
}

/// The options of Qt that take a value as the next word.
bool isQtOptionWithValue(const QByteArray &word)
{
    for (const char *name :
         {"platform", "platformpluginpath", "platformtheme", "plugin", "style", "stylesheet",
          "qwindowgeometry", "qwindowicon", "qwindowtitle", "display", "geometry", "session"})
        if (word == QByteArray("-") + name || word == QByteArray("--") + name)
            return true;
    return false;
}

} // namespace

Options parseOptions(int argc, const char *const *argv)
{
    Options options;
    for (int i = 1; i < argc; ++i) {
        const QByteArray word(argv[i]);
        if (word == "-h" || word == "--help")
            return ending(0, kHelp);
        if (word == "-v" || word == "--version")
            return ending(0, "dynakv-admin " DYNAKV_VERSION "\n");
        if (word == "--theme" || word.startsWith("--theme=")) {
            const bool isSeparate = word == "--theme";
            if (isSeparate && i + 1 == argc)
                return complaint("--theme needs a name");
            const QByteArray name = isSeparate ? QByteArray(argv[++i]) : word.sliced(8);
            options.theme = themeFromName(QString::fromLocal8Bit(name));
            if (!options.theme)
                return complaint("'" + name + "' is no theme; use system, light or dark");
        } else if (isQtOptionWithValue(word)) {
            ++i;
        } else if (word == "-reverse" || word == "-qmljsdebugger") {
            continue;
        } else if (word.startsWith('-')) {
            return complaint("'" + word + "' is no option");
        } else if (options.node) {
            return complaint("only one address can be given");
        } else {
            const auto node = base::parseEndpoint(word, base::limits::kApiPortDefault);
            if (!node)
                return complaint(node.error().message);
            options.node = *node;
        }
    }
    return options;
}

} // namespace dynakv::admin
