// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/quiet_qt.h"

#include <QByteArrayView>
#include <QLoggingCategory>

#include <atomic>
#include <mutex>

namespace dynakv::http {
namespace {

std::atomic<QLoggingCategory::CategoryFilter> previousFilter = nullptr;

void filterCategory(QLoggingCategory *category)
{
    if (const auto previous = previousFilter.load())
        previous(category);
    if (QByteArrayView(category->categoryName()).startsWith("qt.httpserver"))
        category->setEnabled(QtDebugMsg, false);
}

} // namespace

void silenceQtHttpServer()
{
    static std::once_flag once;
    std::call_once(once, [] { previousFilter = QLoggingCategory::installFilter(filterCategory); });
}

} // namespace dynakv::http
