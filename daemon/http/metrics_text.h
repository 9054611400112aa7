// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/histogram.h"

#include <QByteArray>

#include <initializer_list>
#include <utility>

namespace dynakv::http {

/// Writes the text format of Prometheus, version 0.0.4: families one after another, each with its
/// HELP and TYPE, then its samples.
class MetricsText
{
public:
    using Labels = std::initializer_list<std::pair<const char *, QByteArray>>;
    enum class Type : quint8 { Counter, Gauge, Histogram };

    /// Begins a family; the samples that follow are its own. \a name without the prefix `dynakv_`;
    /// that of a counter ends in `_total`.
    void family(const QByteArray &name, Type type, const char *help);
    /// The same for names that are not ours (`process_...`).
    void foreignFamily(const QByteArray &name, Type type, const char *help);

    void sample(qint64 value) { sample({}, value); }
    void sample(Labels labels, qint64 value);
    void sample(double value);
    void sample(Labels labels, double value);
    /// Buckets from 2^\a fromPower to 2^\a toPower, their bounds and the sum multiplied by
    /// \a unit: 1e-6 for counts of microseconds.
    void histogram(Labels labels, const base::HistogramCounts &counts, int fromPower, int toPower,
                   double unit);
    /// A histogram of microseconds, in seconds: 64 us to 17 s.
    void seconds(Labels labels, const base::HistogramCounts &us)
    {
        histogram(labels, us, 6, 24, 1e-6);
    }

    /// A family of one sample.
    void counter(const QByteArray &name, const char *help, qint64 value);
    void gauge(const QByteArray &name, const char *help, qint64 value);

    [[nodiscard]] QByteArray take() { return std::move(m_text); }

private:
    void line(const char *suffix, Labels labels, const QByteArray &bound, const QByteArray &value);

    QByteArray m_text;
    QByteArray m_name;
};

} // namespace dynakv::http
