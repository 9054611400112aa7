// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/metrics_checker.h"

#include <QRegularExpression>

#include <cmath>

namespace dynakv::test {
namespace {

const QString kName = QStringLiteral("[a-z][a-z0-9_]*");

/// `name{labels} value`, as 1, 2 and 3.
const QRegularExpression &sampleForm()
{
    static const QRegularExpression form(
        QStringLiteral(R"(^(%1)(?:\{((?:%1="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)$)").arg(kName));
    return form;
}

QByteArray withoutBound(const QByteArray &labels, QByteArray &bound)
{
    static const QRegularExpression form(QStringLiteral(R"(,?le="([^"]*)\"$)"));
    const auto match = form.match(QString::fromUtf8(labels));
    bound = match.captured(1).toUtf8();
    return labels.left(match.hasMatch() ? match.capturedStart() : labels.size());
}

} // namespace

MetricsChecker::MetricsChecker(const QByteArray &text)
{
    if (!text.endsWith('\n'))
        fault("the last line has no end");
    QList<QByteArray> lines = text.split('\n');
    lines.removeLast();
    for (const QByteArray &line : lines)
        readLine(line);
    checkEnds();
}

std::optional<double> MetricsChecker::value(const QByteArray &series) const
{
    const auto found = m_values.find(series);
    return found == m_values.end() ? std::nullopt : std::optional(found->second);
}

QList<QByteArray> MetricsChecker::families() const
{
    QList<QByteArray> names;
    for (const auto &[name, family] : m_families)
        names.append(name);
    return names;
}

void MetricsChecker::readLine(const QByteArray &line)
{
    if (line.startsWith('#'))
        readComment(line);
    else
        readSample(line);
}

void MetricsChecker::readComment(const QByteArray &line)
{
    const QList<QByteArray> words = line.split(' ');
    if (words.size() < 4 || (words[1] != "HELP" && words[1] != "TYPE"))
        return fault("no HELP or TYPE: " + line);
    const QByteArray name = words[2];
    if (words[1] == "HELP") {
        if (m_families.contains(name))
            fault("told twice: " + name);
        if (!name.startsWith("dynakv_") && !name.startsWith("process_"))
            fault("a name that is not ours: " + name);
        m_helped = name;
        return;
    }
    if (m_helped != name)
        fault("TYPE does not follow HELP: " + name);
    m_helped.clear();
    const QByteArray type = words[3];
    if (type != "counter" && type != "gauge" && type != "histogram")
        fault("unknown type: " + line);
    if ((type == "counter") != name.endsWith("_total"))
        fault("counters, and nothing else, end in _total: " + name);
    for (const char *unit : {"_ms", "_us", "_milliseconds", "_kilobytes"}) {
        if (name.contains(unit))
            fault("no base unit: " + name);
    }
    m_families[name] = {type};
    m_current = name;
}

void MetricsChecker::readSample(const QByteArray &line)
{
    const auto match = sampleForm().match(QString::fromUtf8(line));
    if (!match.hasMatch())
        return fault("no sample: " + line);
    const QByteArray name = match.captured(1).toUtf8();
    const QByteArray labels = match.captured(2).toUtf8();
    if (labels.endsWith(','))
        fault("a comma too many: " + line);
    bool isNumber = false;
    const double value = match.captured(3).toDouble(&isNumber);
    if (!isNumber || !std::isfinite(value))
        return fault("no number: " + line);
    if (!m_values.emplace(line.left(line.lastIndexOf(' ')), value).second)
        fault("a series stands twice: " + line);
    if (!m_helped.isEmpty() || !name.startsWith(m_current) || m_current.isEmpty())
        return fault("outside of its family: " + line);
    const QByteArray suffix = name.sliced(m_current.size());
    const QByteArray type = m_families[m_current].type;
    if (type == "histogram")
        return readHistogramSample(suffix, labels, value);
    if (!suffix.isEmpty())
        fault("outside of its family: " + line);
    if (type == "counter" && value < 0)
        fault("a counter below 0: " + line);
}

void MetricsChecker::readHistogramSample(const QByteArray &suffix, const QByteArray &labels,
                                         double value)
{
    QByteArray boundText;
    Buckets &buckets = m_histograms[m_current + '{' + withoutBound(labels, boundText)];
    if (suffix == "_sum") {
        buckets.hasSum = true;
    } else if (suffix == "_count") {
        buckets.count = value;
    } else if (suffix != "_bucket" || boundText.isEmpty()) {
        fault("no part of a histogram: " + m_current + suffix);
    } else {
        if (value < buckets.lastCount)
            fault("buckets do not add up: " + m_current + '{' + labels);
        buckets.lastCount = value;
        if (boundText == "+Inf") {
            buckets.infinite = value;
            return;
        }
        bool isNumber = false;
        const double bound = boundText.toDouble(&isNumber);
        if (!isNumber || bound <= buckets.lastBound || buckets.infinite)
            fault("bounds do not rise: " + m_current + '{' + labels);
        buckets.lastBound = bound;
    }
}

void MetricsChecker::checkEnds()
{
    for (const auto &[name, buckets] : m_histograms) {
        if (!buckets.hasSum || !buckets.count || !buckets.infinite)
            fault("an unfinished histogram: " + name);
        else if (*buckets.count != *buckets.infinite)
            fault("_count is not the bucket of all: " + name);
    }
    if (!m_helped.isEmpty())
        fault("HELP without TYPE: " + m_helped);
}

} // namespace dynakv::test
