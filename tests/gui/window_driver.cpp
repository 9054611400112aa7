// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/gui/window_driver.h"

#include "admin-gui/app/theme.h"
#include "admin-gui/models/display_text.h"
#include "admin-gui/models/key_model.h"
#include "admin-gui/models/member_model.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/json_editor.h"
#include "admin-gui/widgets/text_label.h"

#include <QApplication>
#include <QDialog>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSettings>
#include <QTableView>
#include <QTest>

namespace dynakv::test {

using namespace admin;

WindowDriver::WindowDriver()
{
    QCoreApplication::setOrganizationName(QStringLiteral("DynaKV"));
    QCoreApplication::setApplicationName(QStringLiteral("dynakv-admin-test"));
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, m_settings.path());
    QSettings().clear();
    m_window = std::make_unique<MainWindow>();
    m_window->show();
    if (!QTest::qWaitForWindowActive(m_window.get()))
        qWarning("the window did not become active");
}

WindowDriver::~WindowDriver() = default;

bool WindowDriver::connectTo(const base::Endpoint &node)
{
    auto &address = find<QLineEdit>("connectAddress");
    address.clear();
    QTest::keyClicks(&address, QString::fromUtf8(node.toString()));
    QTest::keyClick(&address, Qt::Key_Return);
    // The filter, since the list of an empty cluster gives way to a word about it.
    return QTest::qWaitFor(
        [this] { return isConnected() && find<QLineEdit>("keyFilter").isVisible(); }, 10'000);
}

bool WindowDriver::isConnected()
{
    return m_window->session().state() == Session::State::Connected;
}

void WindowDriver::filter(const QString &prefix)
{
    auto &field = find<QLineEdit>("keyFilter");
    field.clear();
    QTest::keyClicks(&field, prefix);
    QTest::keyClick(&field, Qt::Key_Return);
}

JsonEditor &WindowDriver::editor()
{
    return find<JsonEditor>("valueEditor");
}

bool WindowDriver::waitForKeys(int count)
{
    return QTest::qWaitFor([this, count] { return keys().model()->rowCount() == count; }, 10'000);
}

bool WindowDriver::scrollUntil(int count)
{
    QScrollBar *bar = keys().verticalScrollBar();
    return QTest::qWaitFor(
        [&] {
            bar->setValue(bar->maximum());
            return keys().model()->rowCount() >= count;
        },
        60'000);
}

bool WindowDriver::clickKey(const QByteArray &key)
{
    auto &table = keys();
    const auto row = [&] { return static_cast<KeyModel *>(table.model())->rowOf(key); };
    if (!QTest::qWaitFor([&] { return row() >= 0; }, 10'000))
        return false;
    const QModelIndex index = table.model()->index(row(), 0);
    table.scrollTo(index);
    QTest::mouseClick(table.viewport(), Qt::LeftButton, {}, table.visualRect(index).center());
    return true;
}

bool WindowDriver::open(const QByteArray &key)
{
    filter(displayKey(key));
    return clickKey(key) &&
           QTest::qWaitFor(
               [&] {
                   return find<TextLabel>("valueKey").fullText() == displayKey(key) &&
                          find<TextLabel>("valueFacts")
                              .fullText()
                              .contains(QLatin1String("version"));
               },
               10'000);
}

bool WindowDriver::waitForValue(const QByteArray &json)
{
    return QTest::qWaitFor([&] { return editor().json() == json; }, 10'000);
}

void WindowDriver::type(const QString &text)
{
    editor().setFocus();
    editor().selectAll();
    for (const QChar c : text) {
        if (c.unicode() < 0x80)
            QTest::keyClick(&editor(), c.toLatin1());
        else // The test library knows the keys of ASCII only.
            QTest::sendKeyEvent(QTest::Click, &editor(), Qt::Key_unknown, QString(c),
                                Qt::NoModifier);
    }
}

void WindowDriver::press(const char *button)
{
    QTest::mouseClick(&find<QAbstractButton>(button), Qt::LeftButton);
}

void WindowDriver::shortcut(Qt::Key key, Qt::KeyboardModifiers modifiers)
{
    // After a dialog the window becomes active again only by and by, and shortcuts need it active.
    m_window->activateWindow();
    if (!QTest::qWaitForWindowActive(m_window.get()))
        qWarning("the window did not become active");
    QTest::keyClick(m_window.get(), key, modifiers);
}

QString WindowDriver::questionTitle()
{
    const auto isAsked = [] {
        const QWidget *dialog = QApplication::activeModalWidget();
        return dialog && dialog->objectName() == QLatin1String("questionDialog");
    };
    if (!QTest::qWaitFor(isAsked, 10'000))
        return {};
    return QApplication::activeModalWidget()
        ->findChild<QLabel *>(QStringLiteral("questionTitle"))
        ->text();
}

QString WindowDriver::questionText()
{
    const QWidget *dialog = QApplication::activeModalWidget();
    const auto *text =
        dialog ? dialog->findChild<QLabel *>(QStringLiteral("questionText")) : nullptr;
    return text ? text->text() : QString();
}

bool WindowDriver::answer(int choice)
{
    QWidget *dialog = QApplication::activeModalWidget();
    if (!dialog)
        return false;
    auto *button = dialog->findChild<QPushButton *>(QStringLiteral("choice%1").arg(choice));
    if (!button)
        return false;
    QTest::mouseClick(button, Qt::LeftButton);
    return QTest::qWaitFor([dialog] { return QApplication::activeModalWidget() != dialog; });
}

QString WindowDriver::banner()
{
    const auto &banner = find<Banner>("banner");
    return banner.isVisible() ? banner.text() : QString();
}

QString WindowDriver::notice()
{
    const auto &notice = find<Banner>("valueNotice");
    return notice.isVisible() ? notice.text() : QString();
}

QString WindowDriver::check()
{
    return find<TextLabel>("valueCheck").fullText();
}

QByteArray WindowDriver::memberState(const base::Endpoint &node)
{
    const QAbstractItemModel *model = find<QTableView>("memberTable").model();
    for (int row = 0; row < model->rowCount(); ++row)
        if (model->index(row, 0).data(MemberModel::AddressRole).toByteArray() == node.toString())
            return model->index(row, 0).data(MemberModel::StateRole).toByteArray();
    return {};
}

} // namespace dynakv::test
