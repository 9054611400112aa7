// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/app/application.h"

int main(int argc, char **argv)
{
    return dynakv::admin::run(argc, argv);
}
