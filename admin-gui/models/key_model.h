// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/models/key_source.h"

#include <QAbstractTableModel>
#include <QTimer>

#include <vector>

namespace dynakv::admin {

/// The keys under a prefix, as far as the person scrolled, in a window of bounded memory. Rows are
/// grouped in segments, one a page of the server; of all segments the cursor and the count of rows
/// are kept, of the last used ones the rows too. A row outside of the window shows a placeholder
/// until its page came again. Pages that come again are merged row by row, so that keys created or
/// deleted meanwhile appear and go without a jump.
///
/// Borrows the source, which must outlive the model.
class KeyModel final : public QAbstractTableModel
{
    Q_OBJECT
public:
    enum Column { KeyColumn, SizeColumn, UpdatedColumn, ColumnCount };
    enum Role { KeyRole = Qt::UserRole, VersionRole };

    static constexpr int kPageRows = 500;
    static constexpr std::size_t kResidentSegmentsMax = 12;

    explicit KeyModel(KeySource &source, QObject *parent = nullptr);

    /// Begins anew with the first page of \a prefix.
    void setPrefix(const QByteArray &prefix);
    [[nodiscard]] const QByteArray &prefix() const { return m_prefix; }
    /// Forgets everything and asks for nothing until setPrefix().
    void clear();
    /// Asks again for the pages of these rows, keeping the rows until the answer is there.
    void refresh(int firstRow, int lastRow);
    /// Asks again for the page in which \a key stands or would stand.
    void refreshAround(const QByteArray &key);
    /// Asks again where an answer failed.
    void retry();

    /// The row of \a key, or -1 where it is not among the rows held.
    [[nodiscard]] int rowOf(const QByteArray &key) const;
    /// Empty for a placeholder.
    [[nodiscard]] QByteArray keyAt(int row) const;
    [[nodiscard]] qint64 totalEstimate() const { return m_totalEstimate; }
    [[nodiscard]] bool isComplete() const { return m_isComplete; }
    [[nodiscard]] bool isLoading() const { return m_isFetchingTail; }
    [[nodiscard]] bool hasAnswer() const { return m_hasAnswer; }
    [[nodiscard]] std::size_t residentSegments() const;

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;
    [[nodiscard]] bool canFetchMore(const QModelIndex &parent) const override;
    void fetchMore(const QModelIndex &parent) override;

Q_SIGNALS:
    /// Counts, loading or completeness changed.
    void progressed();
    void failed(const QString &why);

private:
    using Entries = std::vector<base::api::KeyEntry>;
    struct Segment
    {
        QByteArray after = {};   ///< The cursor that fetches it; empty for the first.
        QByteArray lastKey = {}; ///< Where it ends; empty: open, up to the end of the keys.
        int rows = 0;
        Entries entries = {}; ///< Empty while it is not held.
        bool isHeld = false;
        bool isFetching = false;
        mutable quint64 lastUsed = 0; ///< Being looked at is a use.
    };

    void fetchTail();
    void fetchSegment(std::size_t index);
    void fetchWanted();
    void want(std::size_t index) const;
    void takeTail(const base::api::KeyPage &page);
    void takeSegment(const QByteArray &after, const base::api::KeyPage &page);
    void merge(std::size_t index, const Entries &fresh);
    void resizeUnheld(std::size_t index, int rows);
    void splitAfter(std::size_t index, const base::api::KeyPage &page);
    void forgetUnused();
    void reindex();
    [[nodiscard]] std::size_t segmentOfRow(int row) const;
    [[nodiscard]] std::size_t segmentOfKey(const QByteArray &key) const;
    [[nodiscard]] const base::api::KeyEntry *entryAt(int row) const;

    KeySource &m_source;
    QByteArray m_prefix;
    std::vector<Segment> m_segments;
    std::vector<int> m_starts; ///< The first row of each segment, and the row count at the end.
    QByteArray m_tailCursor;
    bool m_isActive = false;
    bool m_isComplete = false;
    bool m_isFetchingTail = false;
    bool m_tailFailed = false;
    bool m_hasAnswer = false;
    qint64 m_totalEstimate = 0;
    quint64 m_generation = 0; ///< Answers to an earlier prefix are dropped.
    mutable quint64 m_useClock = 0;
    mutable std::vector<std::size_t> m_wanted;
    mutable QTimer m_wantedTimer;
};

} // namespace dynakv::admin
