// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>
#include <QString>

#include <optional>
#include <vector>

namespace dynakv::admin {

/// Judges text by the grammar of RFC 8259 and says in plain words what is wrong where. Own code,
/// because the JSON libraries at hand convert numbers on the way and refuse those that no double
/// holds (1e999), which the store keeps like any other. Iterative: depth costs heap, never stack.
class JsonChecker
{
public:
    struct Fault
    {
        qsizetype offset = 0;
        QString what = {};
    };

    /// \a text must outlive the checker.
    explicit JsonChecker(QByteArrayView text)
        : m_text(text)
    {
    }
    /// The first fault, or nothing where the text is one JSON value.
    std::optional<Fault> check();

private:
    enum class Expect : quint8 { Value, ValueOrEnd, Name, NameOrEnd, Colon, CommaOrEnd };

    void step();
    void beginValue();
    void close(char bracket);
    void valueEnded();
    void takeString();
    void takeEscape();
    void takeNumber();
    void takeDigits();
    void takeWord(QByteArrayView word);
    void fail(qsizetype offset, const QString &what);
    [[nodiscard]] char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }
    [[nodiscard]] QString closing() const; ///< The bracket that is due.
    [[nodiscard]] QString found() const;

    QByteArrayView m_text;
    qsizetype m_at = 0;
    Expect m_expect = Expect::Value;
    std::vector<char> m_open; ///< The brackets that are open, outermost first.
    bool m_isDone = false;
    std::optional<Fault> m_fault;
};

} // namespace dynakv::admin
