// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/metrics_text.h"

namespace dynakv::http {
namespace {

const char *toText(MetricsText::Type type)
{
    switch (type) {
    case MetricsText::Type::Counter:
        return "counter";
    case MetricsText::Type::Gauge:
        return "gauge";
    case MetricsText::Type::Histogram:
        return "histogram";
    }
    return "untyped";
}

QByteArray escapedLabel(QByteArray value)
{
    return value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
}

QByteArray number(double value)
{
    return QByteArray::number(value, 'g', 12);
}

} // namespace

void MetricsText::family(const QByteArray &name, Type type, const char *help)
{
    foreignFamily("dynakv_" + name, type, help);
}

void MetricsText::foreignFamily(const QByteArray &name, Type type, const char *help)
{
    m_name = name;
    m_text += "# HELP " + name + ' ' + help + "\n# TYPE " + name + ' ' + toText(type) + '\n';
}

void MetricsText::line(const char *suffix, Labels labels, const QByteArray &bound,
                       const QByteArray &value)
{
    m_text += m_name;
    m_text += suffix;
    char before = '{';
    const auto label = [&](const char *name, const QByteArray &text) {
        m_text += before;
        m_text += name;
        m_text += "=\"" + escapedLabel(text) + '"';
        before = ',';
    };
    for (const auto &[name, text] : labels)
        label(name, text);
    if (!bound.isEmpty())
        label("le", bound);
    if (before == ',')
        m_text += '}';
    m_text += ' ' + value + '\n';
}

void MetricsText::sample(Labels labels, qint64 value)
{
    line("", labels, {}, QByteArray::number(value));
}

void MetricsText::sample(double value)
{
    sample({}, value);
}

void MetricsText::sample(Labels labels, double value)
{
    line("", labels, {}, number(value));
}

void MetricsText::histogram(Labels labels, const base::HistogramCounts &counts, int fromPower,
                            int toPower, double unit)
{
    for (int power = fromPower; power <= toPower; ++power) {
        line("_bucket", labels, number(static_cast<double>(qint64{1} << power) * unit),
             QByteArray::number(counts.countUpTo(power)));
    }
    line("_bucket", labels, "+Inf", QByteArray::number(counts.count));
    line("_sum", labels, {}, number(static_cast<double>(counts.sum) * unit));
    line("_count", labels, {}, QByteArray::number(counts.count));
}

void MetricsText::counter(const QByteArray &name, const char *help, qint64 value)
{
    family(name, Type::Counter, help);
    sample(value);
}

void MetricsText::gauge(const QByteArray &name, const char *help, qint64 value)
{
    family(name, Type::Gauge, help);
    sample(value);
}

} // namespace dynakv::http
