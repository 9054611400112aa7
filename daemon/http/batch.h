// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/core/record.h"
#include "daemon/http/batch_line.h"

#include <QByteArray>

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace dynakv::http {

/// The lines of one batch between request and answer. All its writes go to the coordinator as one
/// group. A get is read when it is added; one behind a write of its key, in its place, shows what
/// that write left, which is known only from its outcome.
class Batch
{
public:
    using Read = std::function<std::optional<core::Record>(const QByteArray &key)>;

    /// \a read gives the live record of a key.
    explicit Batch(Read read)
        : m_read(std::move(read))
    {
    }

    void add(BatchLine line);
    /// The writes, in the order of their lines, each with the options of \a options. Once.
    std::vector<core::WriteRequest> takeWrites(const core::WriteRequest &options);
    [[nodiscard]] bool hasWrites() const { return m_writeCount != 0; }
    /// One line of JSON for each line, in their order. \a outcomes: of the writes.
    [[nodiscard]] QByteArray answer(const std::vector<core::WriteOutcome> &outcomes,
                                    core::Readiness readiness) const;

private:
    static constexpr std::size_t kNone = ~std::size_t{0};

    struct Row
    {
        BatchLine line = {};
        std::size_t write = kNone;    ///< Its place among the writes.
        std::size_t previous = kNone; ///< The row with the last write of its key before it.
        std::optional<core::Record> found = {}; ///< Of a get: as the table had it.
    };

    void linkWrites();
    void appendRow(QByteArray &json, const Row &row,
                   const std::vector<core::WriteOutcome> &outcomes,
                   core::Readiness readiness) const;
    void appendRead(QByteArray &json, const Row &row,
                    const std::vector<core::WriteOutcome> &outcomes,
                    core::Readiness readiness) const;

    Read m_read;
    std::vector<Row> m_rows;
    std::size_t m_writeCount = 0;
    /// By key, the last row of those looked at so far that writes it: most batches need none.
    std::map<QByteArray, std::size_t> m_lastWrite;
    std::size_t m_linked = 0;
    qsizetype m_readBytes = 0;
};

} // namespace dynakv::http
