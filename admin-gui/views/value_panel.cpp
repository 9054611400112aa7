// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/value_panel.h"

#include "admin-gui/models/display_text.h"
#include "admin-gui/models/json_text.h"
#include "admin-gui/widgets/banner.h"
#include "admin-gui/widgets/empty_state.h"
#include "admin-gui/widgets/icon.h"
#include "admin-gui/widgets/json_editor.h"
#include "admin-gui/widgets/pill.h"
#include "admin-gui/widgets/text_label.h"

#include <QHBoxLayout>
#include <QPushButton>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>

namespace dynakv::admin {
namespace {

constexpr int kCheckDelayMs = 150;

QString displayLines(int count)
{
    return count == 1 ? ValuePanel::tr("1 line")
                      : ValuePanel::tr("%1 lines").arg(displayCount(count));
}

QToolButton *newTool(const char *name, const char *iconName, const QString &text,
                     const QString &help, QWidget *parent)
{
    auto *tool = new QToolButton(parent);
    tool->setObjectName(QLatin1String(name));
    tool->setIcon(icon(iconName));
    tool->setText(text);
    tool->setToolTip(help);
    tool->setAccessibleName(help);
    tool->setAutoRaise(true);
    tool->setFocusPolicy(Qt::TabFocus);
    tool->setToolButtonStyle(text.isEmpty() ? Qt::ToolButtonIconOnly
                                            : Qt::ToolButtonTextBesideIcon);
    return tool;
}

} // namespace

ValuePanel::ValuePanel(KeyDocument &document, QWidget *parent)
    : QWidget(parent)
    , m_document(document)
    , m_stack(new QStackedWidget(this))
    , m_empty(new EmptyState(this))
    , m_page(new QWidget(this))
    , m_key(new TextLabel(this))
    , m_kind(new Pill(this))
    , m_modified(new Pill(this))
    , m_facts(new TextLabel(this))
    , m_notice(new Banner(this))
    , m_editor(new JsonEditor(this))
    , m_checkIcon(new QLabel(this))
    , m_check(new TextLabel(this))
    , m_save(new QPushButton(tr("Save"), this))
    , m_discard(new QPushButton(tr("Discard"), this))
{
    setObjectName(QStringLiteral("valuePanel"));
    setAttribute(Qt::WA_StyledBackground);
    m_notice->setObjectName(QStringLiteral("valueNotice"));
    m_editor->setObjectName(QStringLiteral("valueEditor"));
    m_editor->setAccessibleName(tr("Value"));
    auto *page = new QVBoxLayout(m_page);
    page->setContentsMargins(0, 0, 0, 0);
    page->setSpacing(0);
    page->addWidget(buildHeader());
    page->addWidget(m_notice);
    page->addWidget(m_editor, 1);
    page->addWidget(buildFooter());
    m_stack->addWidget(m_empty);
    m_stack->addWidget(m_page);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_stack);

    m_checkTimer.setSingleShot(true);
    m_checkTimer.setInterval(kCheckDelayMs);
    connect(&m_checkTimer, &QTimer::timeout, this, &ValuePanel::checkText);
    connect(m_editor, &QPlainTextEdit::textChanged, this, [this] { m_checkTimer.start(); });
    connect(m_editor->document(), &QTextDocument::modificationChanged, this, [this] {
        updateControls();
        Q_EMIT modifiedChanged();
    });
    connect(m_save, &QPushButton::clicked, this, &ValuePanel::save);
    connect(m_discard, &QPushButton::clicked, this, &ValuePanel::discard);
    connect(m_notice, &Banner::actionTriggered, this, &ValuePanel::runNoticeAction);
    connect(m_empty, &EmptyState::actionTriggered, this, [this] { m_document.reload(); });
    connectDocument();
    showDocument();
}

QWidget *ValuePanel::buildHeader()
{
    auto *header = new QFrame(m_page);
    setRole(header, "panelHeader");
    m_key->setObjectName(QStringLiteral("valueKey"));
    setRole(m_key, "title");
    m_facts->setObjectName(QStringLiteral("valueFacts"));
    m_facts->setElideMode(Qt::ElideRight); // The last of them, the version, means least.
    setRole(m_facts, "muted");
    m_modified->setContent(Tone::Warning, tr("Unsaved"));
    m_modified->setObjectName(QStringLiteral("valueModified"));
    auto *formatTool = newTool("formatButton", "format", tr("Format"),
                               tr("Lay out the JSON in lines (Ctrl+Shift+F)"), header);
    auto *minifyTool = newTool("minifyButton", "compact", tr("Minify"),
                               tr("Remove the space between the parts (Ctrl+Shift+M)"), header);
    auto *toFile =
        newTool("toFileButton", "download", {}, tr("Save the stored value to a file"), header);
    auto *fromFile =
        newTool("fromFileButton", "upload", {}, tr("Replace the value by a file"), header);
    auto *remove = newTool("deleteButton", "delete", {}, tr("Delete this key"), header);
    m_textTools = {formatTool, minifyTool};
    m_keyTools = {toFile, fromFile, remove};
    connect(formatTool, &QToolButton::clicked, this, &ValuePanel::format);
    connect(minifyTool, &QToolButton::clicked, this, &ValuePanel::minify);
    connect(toFile, &QToolButton::clicked, this, &ValuePanel::saveToFile);
    connect(fromFile, &QToolButton::clicked, this, &ValuePanel::replaceFromFile);
    connect(remove, &QToolButton::clicked, this, &ValuePanel::askToDelete);

    auto *names = new QHBoxLayout;
    names->setSpacing(space::kSmall);
    names->addWidget(m_key, 0);
    names->addWidget(m_modified);
    names->addStretch(1);
    auto *facts = new QHBoxLayout;
    facts->setSpacing(space::kSmall);
    facts->addWidget(m_kind);
    facts->addWidget(m_facts, 1);
    for (QWidget *tool : {formatTool, minifyTool, toFile, fromFile, remove})
        facts->addWidget(tool);
    auto *layout = new QVBoxLayout(header);
    layout->setContentsMargins(space::kLarge, space::kMedium, space::kMedium, space::kSmall);
    layout->setSpacing(space::kTiny);
    layout->addLayout(names);
    layout->addLayout(facts);
    return header;
}

QWidget *ValuePanel::buildFooter()
{
    auto *footer = new QFrame(m_page);
    setRole(footer, "panelFooter");
    m_check->setObjectName(QStringLiteral("valueCheck"));
    m_save->setObjectName(QStringLiteral("saveButton"));
    m_save->setToolTip(tr("Save (Ctrl+S)"));
    setRole(m_save, "primary");
    m_discard->setObjectName(QStringLiteral("discardButton"));
    m_discard->setToolTip(tr("Go back to what is stored"));
    auto *layout = new QHBoxLayout(footer);
    layout->setContentsMargins(space::kLarge, space::kSmall, space::kMedium, space::kSmall);
    layout->setSpacing(space::kSmall);
    layout->addWidget(m_checkIcon);
    layout->addWidget(m_check, 1);
    layout->addWidget(m_discard);
    layout->addWidget(m_save);
    return footer;
}

void ValuePanel::connectDocument()
{
    connect(&m_document, &KeyDocument::stateChanged, this, &ValuePanel::showDocument);
    connect(&m_document, &KeyDocument::loaded, this, [this] { showValue(false); });
    connect(&m_document, &KeyDocument::loadFailed, this, [this](const QString &why, bool isGone) {
        if (isGone)
            m_empty->setContent(
                "empty", tr("This key does not exist any more"),
                tr("“%1” was deleted or has expired.").arg(displayKey(m_document.key())));
        else
            m_empty->setContent("warning", tr("The value could not be read"), why, tr("Try again"));
    });
    connect(&m_document, &KeyDocument::saved, this, &ValuePanel::saved);
    connect(&m_document, &KeyDocument::saveFailed, this, &ValuePanel::showSaveFailure);
    connect(&m_document, &KeyDocument::conflictFound, this, &ValuePanel::showConflict);
    connect(&m_document, &KeyDocument::removed, this, [this](const QByteArray &key) {
        Q_EMIT told(tr("Deleted “%1”").arg(displayKey(key)));
    });
    connect(&m_document, &KeyDocument::removeFailed, this,
            [this](const QString &why, bool outcomeUnknown) {
                m_noticeAction = Notice::None;
                m_notice->showMessage(
                    Tone::Bad, outcomeUnknown ? tr("The key may or may not be deleted: %1").arg(why)
                                              : tr("The key was not deleted: %1").arg(why));
            });
}

void ValuePanel::showDocument()
{
    using State = KeyDocument::State;
    const State state = m_document.state();
    if (state == State::Empty || state == State::Loading)
        dropPlans();
    if (state == State::Empty) {
        m_editor->clear();
        m_editor->document()->setModified(false);
        m_notice->hideMessage();
        m_empty->setContent("key", tr("Select a key to see its value"),
                            tr("Ctrl+F goes to the filter, Ctrl+N creates a key, Ctrl+S saves."));
    }
    if (state == State::Loading) {
        m_view = {};
        m_editor->clear();
        m_editor->document()->setModified(false);
        m_notice->hideMessage();
        m_key->setFullText(displayKey(m_document.key()));
        m_kind->setContent(Tone::Muted, tr("…"));
        m_facts->setFullText(tr("Loading…"));
    }
    const bool hasPage = state != State::Empty && state != State::Failed;
    m_stack->setCurrentWidget(hasPage ? m_page : static_cast<QWidget *>(m_empty));
    updateControls();
}

void ValuePanel::showValue(bool wholeValue)
{
    const client::Value &value = m_document.value();
    m_view = viewOf(value, wholeValue);
    m_editor->setHighlighting(!value.isRaw && !m_view.hasCutLines);
    m_editor->setLineNumbers(m_view.form != ValueView::Form::Hex);
    m_editor->setWrapping(m_isWrapping || m_view.hasCutLines);
    m_editor->setPlainText(m_view.text);
    m_editor->document()->setModified(false);
    m_kind->setContent(value.isRaw ? Tone::Accent : Tone::Muted,
                       value.isRaw ? tr("Bytes") : tr("JSON"));
    showFacts();
    showNotice();
    checkText();
    updateControls();
}

void ValuePanel::showFacts()
{
    const client::Value &value = m_document.value();
    QStringList facts{displaySize(value.bytes.size())};
    if (value.isRaw && value.contentType != "application/octet-stream")
        facts += displayKey(value.contentType);
    if (const qint64 expiry = m_document.expiresAtMs())
        facts += tr("expires %1").arg(displayTime(expiry));
    if (!value.version.isEmpty())
        facts += tr("version %1").arg(displayKey(value.version));
    m_facts->setFullText(facts.join(QStringLiteral("  ·  ")));
}

void ValuePanel::showNotice()
{
    using Form = ValueView::Form;
    m_noticeAction = m_view.canShowMore ? Notice::ShowMore : Notice::None;
    const QString more = m_view.canShowMore ? tr("Load all") : QString();
    const QString size = displaySize(m_document.value().bytes.size());
    if (m_view.form == Form::Hex)
        m_notice->showMessage(
            Tone::Muted,
            m_view.isPart ? tr("Raw bytes, read only. The first 64 KB of %1 are shown.").arg(size)
                          : tr("Raw bytes, read only here. They can be replaced by a file."));
    else if (m_view.form == Form::Text && !m_view.isPart)
        m_notice->showMessage(Tone::Muted, tr("Raw bytes that are text; read only here."));
    else if (m_view.isPart)
        m_notice->showMessage(
            Tone::Muted,
            tr("The beginning of %1 is shown, read only. The whole value can be saved to "
               "a file.")
                .arg(size),
            more);
    else if (m_view.hasCutLines)
        m_notice->showMessage(
            Tone::Muted,
            tr("A text in this value is longer than 4 KB. It is shown in pieces, read only."));
    else if (m_view.isReformatted)
        m_notice->showMessage(
            Tone::Muted,
            tr("Stored in long lines and laid out here for reading. Saving keeps it compact."));
    else
        m_notice->hideMessage();
}

void ValuePanel::noteNewerVersion()
{
    if (m_isAsking || m_document.state() != KeyDocument::State::Ready)
        return;
    if (!isModified()) {
        m_document.reload();
        return;
    }
    m_noticeAction = Notice::Reload;
    m_notice->showMessage(Tone::Warning, tr("Somebody saved another value of this key meanwhile."),
                          tr("Discard mine and reload"));
}

void ValuePanel::checkText()
{
    m_checkTimer.stop();
    const bool isChecked = m_view.isEditable() && m_document.isOpen();
    const QByteArray text = isChecked ? m_editor->json() : QByteArray();
    const auto fault = isChecked ? findJsonFault(text) : std::nullopt;
    m_hasFault = fault.has_value();
    m_editor->markFaultyLine(fault ? fault->line : 0);
    m_check->setFullText(
        fault ? tr("Line %1, column %2: %3").arg(fault->line).arg(fault->column).arg(fault->what)
        : isChecked ? tr("Valid JSON  ·  %1  ·  %2")
                          .arg(displaySize(text.size()), displayLines(m_editor->blockCount()))
                    : tr("Read only"));
    setRole(m_check, fault ? "bad" : "muted");
    const Tone tone = fault ? Tone::Bad : isChecked ? Tone::Good : Tone::Muted;
    m_checkIcon->setPixmap(iconPixmap(fault       ? "error"
                                      : isChecked ? "good"
                                                  : "lock",
                                      tone, 18, devicePixelRatioF()));
    updateControls();
}

void ValuePanel::updateControls()
{
    const bool isReady = m_document.state() == KeyDocument::State::Ready;
    const bool canEdit = isReady && m_view.isEditable();
    m_editor->setReadOnly(!canEdit && !m_document.isBusy());
    m_modified->setVisible(isModified());
    m_discard->setEnabled(isReady && isModified());
    m_save->setEnabled(canEdit && isModified() && !m_hasFault);
    m_save->setText(m_document.state() == KeyDocument::State::Saving ? tr("Saving…") : tr("Save"));
    for (QWidget *tool : m_textTools)
        tool->setEnabled(canEdit && !m_hasFault);
    for (QWidget *tool : m_keyTools)
        tool->setEnabled(isReady);
}

bool ValuePanel::isModified() const
{
    return m_document.isOpen() && m_view.isEditable() && m_editor->document()->isModified();
}

void ValuePanel::format()
{
    replaceText(prettyJson(m_editor->json()));
}

void ValuePanel::minify()
{
    const QByteArray compact = compactJson(m_editor->json());
    if (compact.size() > kLineBytesMax) {
        m_noticeAction = Notice::None;
        m_notice->showMessage(Tone::Warning,
                              tr("The value would be a line of %1, too long to edit.")
                                  .arg(displaySize(compact.size())));
        return;
    }
    replaceText(compact);
}

void ValuePanel::replaceText(const QByteArray &json)
{
    if (!m_view.isEditable() || m_editor->isReadOnly() || findJsonFault(m_editor->json()) ||
        json == m_editor->json())
        return;
    m_editor->replaceText(toEditorText(json));
    checkText();
}

void ValuePanel::setWrapping(bool isOn)
{
    m_isWrapping = isOn;
    m_editor->setWrapping(isOn || m_view.hasCutLines);
}

void ValuePanel::runNoticeAction()
{
    switch (m_noticeAction) {
    case Notice::None:
        return;
    case Notice::ShowMore:
        showValue(true);
        return;
    case Notice::Reload:
        m_editor->document()->setModified(false);
        m_document.reload();
        return;
    case Notice::SaveAgain:
        if (m_document.state() != KeyDocument::State::Ready)
            return;
        if (!m_sent.file.isEmpty())
            askToReplace(m_sent.value, m_sent.file);
        else if (isModified())
            save();
        else // It was taken back meanwhile; whether it is stored is to be seen.
            m_document.reload();
        return;
    }
}

} // namespace dynakv::admin
