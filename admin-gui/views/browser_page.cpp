// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/browser_page.h"

#include "admin-gui/dialogs/new_key_dialog.h"
#include "admin-gui/models/display_text.h"
#include "admin-gui/session/session.h"
#include "admin-gui/views/key_panel.h"
#include "admin-gui/views/value_panel.h"

#include <QPointer>
#include <QSplitter>
#include <QVBoxLayout>

namespace dynakv::admin {
namespace {

constexpr int kPreconditionFailed = 412;

} // namespace

BrowserPage::BrowserPage(Session &session, QWidget *parent)
    : QWidget(parent)
    , m_session(session)
    , m_document(session)
    , m_keys(new KeyPanel(session, this))
    , m_value(new ValuePanel(m_document, this))
{
    auto *splitter = new QSplitter(Qt::Horizontal, this);
    splitter->setObjectName(QStringLiteral("browserSplitter"));
    splitter->setChildrenCollapsible(false);
    splitter->setHandleWidth(1);
    splitter->addWidget(m_keys);
    splitter->addWidget(m_value);
    splitter->setStretchFactor(0, 0);
    splitter->setStretchFactor(1, 1);
    splitter->setSizes({440, 840});
    m_keys->setMinimumWidth(300);
    m_value->setMinimumWidth(420);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(splitter);

    // Queued: a click selects its row only after it made it the current one.
    connect(m_keys, &KeyPanel::keyChosen, this, &BrowserPage::choose, Qt::QueuedConnection);
    connect(m_keys, &KeyPanel::newKeyRequested, this, &BrowserPage::newKey);
    connect(m_keys, &KeyPanel::deleteRequested, m_value, &ValuePanel::askToDelete);
    connect(&m_keys->model(), &KeyModel::dataChanged, this, &BrowserPage::compareVersions);
    connect(m_value, &ValuePanel::told, this, &BrowserPage::told);
    connect(&m_document, &KeyDocument::saved, m_keys,
            [this](const QByteArray &key) { m_keys->reveal(key); });
    connect(&m_document, &KeyDocument::removed, m_keys, [this](const QByteArray &key) {
        m_keys->markOpen({});
        m_keys->model().refreshAround(key);
    });
    connect(&m_document, &KeyDocument::loadFailed, m_keys, [this](const QString &, bool isGone) {
        if (isGone)
            m_keys->model().refreshAround(m_document.key());
    });
    connect(&m_document, &KeyDocument::stateChanged, m_keys, [this] {
        if (!m_document.isOpen())
            m_keys->markOpen({});
    });
}

void BrowserPage::start()
{
    m_keys->start();
}

void BrowserPage::stop()
{
    m_document.close();
    m_keys->stop();
}

void BrowserPage::refresh()
{
    m_keys->refresh();
    if (m_document.state() == KeyDocument::State::Failed)
        m_document.reload();
}

void BrowserPage::choose(const QByteArray &key)
{
    if (key == m_document.key() && m_document.state() != KeyDocument::State::Failed)
        return;
    if (m_value->isModified())
        m_keys->markOpen(m_document.key()); // Until the question is answered, nothing moves.
    m_value->leave([this, key] {
        m_document.open(key);
        m_keys->markOpen(key);
    });
}

/// The list may have come later than the open value, and then shows whether it is out of date.
void BrowserPage::compareVersions()
{
    if (m_document.state() != KeyDocument::State::Ready)
        return;
    const int row = m_keys->model().rowOf(m_document.key());
    if (row < 0)
        return;
    const QByteArray listed =
        m_keys->model().index(row, KeyModel::KeyColumn).data(KeyModel::VersionRole).toByteArray();
    if (listed > m_document.value().version)
        m_value->noteNewerVersion();
}

void BrowserPage::newKey()
{
    if (!m_session.client())
        return;
    auto *dialog = new NewKeyDialog(m_keys->model().prefix(), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &NewKeyDialog::createRequested, this,
            [this, dialog](const QByteArray &key, const QByteArray &json) {
                create(key, json, dialog);
            });
    dialog->open();
}

void BrowserPage::create(const QByteArray &key, const QByteArray &json, NewKeyDialog *dialog)
{
    if (!m_session.client()) {
        dialog->showFailure(tr("There is no connection any more."));
        return;
    }
    const auto done = [this, key, dialog](const client::Answer<client::Receipt> &answer) {
        if (answer.hasStatus(kPreconditionFailed) && !answer.failure.outcomeUnknown) {
            dialog->showFailure(tr("“%1” exists already. Choose another key, or edit that one.")
                                    .arg(displayKey(key)));
            return;
        }
        if (!answer.ok()) {
            const QString why = QString::fromUtf8(answer.failure.message);
            dialog->showFailure(answer.failure.outcomeUnknown
                                    ? tr("It is not known whether the key was created: %1").arg(why)
                                    : tr("The key was not created: %1").arg(why));
            return;
        }
        dialog->finish();
        Q_EMIT told(tr("Created “%1”").arg(displayKey(key)));
        m_value->leave([this, key] {
            m_document.open(key);
            m_keys->reveal(key);
        });
        m_keys->model().refreshAround(key);
    };
    m_session.client()->create(key, {json, false, {}, {}}, dialog, done);
}

} // namespace dynakv::admin
