// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/widgets/tokens.h"

#include <QDialog>

#include <functional>
#include <vector>

namespace dynakv::admin {

/// What a person is asked. The text may hold data; it is shown plain.
struct Question
{
    enum class Kind : quint8 { Main, Destructive, Plain };
    struct Choice
    {
        QString text = {};
        Kind kind = Kind::Plain;
    };

    Tone tone = Tone::Warning;
    QString title = {};
    QString text = {};
    std::vector<Choice> choices = {}; ///< The last one changes nothing; Escape chooses it too.
};

/// Asks one question over its window. Choices are the buttons `choice0`, `choice1`, ...; the last
/// has the focus, so that Enter by accident does no harm.
class QuestionDialog final : public QDialog
{
    Q_OBJECT
public:
    QuestionDialog(const Question &question, QWidget *parent);
    [[nodiscard]] int chosen() const { return m_chosen; }

private:
    int m_chosen;
};

/// Asks without blocking; \a answered gets the index of the choice and does not run once
/// \a parent is gone.
void ask(QWidget *parent, const Question &question, std::function<void(int)> answered);

} // namespace dynakv::admin
