// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QList>

#include <map>
#include <optional>

namespace dynakv::test {

/// Reads the text format of Prometheus as strictly as its conventions are written, and keeps what
/// it read. Shares no code with the product.
class MetricsChecker
{
public:
    explicit MetricsChecker(const QByteArray &text);

    /// What is wrong, a sentence each; empty where nothing is.
    [[nodiscard]] const QList<QByteArray> &faults() const { return m_faults; }
    /// The value of a series as it is written, e.g. `dynakv_ready` or `a_total{b="c",d="e"}`.
    [[nodiscard]] std::optional<double> value(const QByteArray &series) const;
    [[nodiscard]] QList<QByteArray> families() const;
    [[nodiscard]] qsizetype seriesCount() const { return static_cast<qsizetype>(m_values.size()); }

private:
    struct Family
    {
        QByteArray type = {};
    };
    /// One set of labels of a histogram.
    struct Buckets
    {
        double lastBound = -1;
        double lastCount = 0;
        std::optional<double> infinite = {};
        std::optional<double> count = {};
        bool hasSum = false;
    };

    void readLine(const QByteArray &line);
    void readComment(const QByteArray &line);
    void readSample(const QByteArray &line);
    void readHistogramSample(const QByteArray &suffix, const QByteArray &labels, double value);
    void checkEnds();
    void fault(const QByteArray &what) { m_faults.append(what); }

    QList<QByteArray> m_faults;
    std::map<QByteArray, Family> m_families;
    std::map<QByteArray, double> m_values;
    std::map<QByteArray, Buckets> m_histograms; ///< By family and labels.
    QByteArray m_helped;                        ///< HELP was read, TYPE is due.
    QByteArray m_current;
};

} // namespace dynakv::test
