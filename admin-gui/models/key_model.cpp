// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/key_model.h"

#include "admin-gui/models/display_text.h"

#include <QDateTime>

#include <algorithm>

namespace dynakv::admin {
namespace {

using base::api::KeyEntry;
using base::api::KeyPage;

/// While the person drags the scroll bar, only the last pages passed are worth fetching.
constexpr std::size_t kWantedMax = 3;

bool keyIsBefore(const KeyEntry &entry, const QByteArray &key)
{
    return entry.key < key;
}

} // namespace

KeyModel::KeyModel(KeySource &source, QObject *parent)
    : QAbstractTableModel(parent)
    , m_source(source)
{
    m_starts = {0};
    m_wantedTimer.setSingleShot(true);
    m_wantedTimer.setInterval(30);
    connect(&m_wantedTimer, &QTimer::timeout, this, &KeyModel::fetchWanted);
}

void KeyModel::clear()
{
    beginResetModel();
    ++m_generation;
    m_segments.clear();
    m_wanted.clear();
    m_tailCursor.clear();
    m_isActive = m_isComplete = m_isFetchingTail = m_tailFailed = m_hasAnswer = false;
    m_totalEstimate = 0;
    reindex();
    endResetModel();
    Q_EMIT progressed();
}

void KeyModel::setPrefix(const QByteArray &prefix)
{
    clear();
    m_prefix = prefix;
    m_isActive = true;
    fetchTail();
}

void KeyModel::retry()
{
    if (!m_isActive)
        return;
    m_tailFailed = false;
    if (m_segments.empty())
        fetchTail();
    else if (rowCount() > 0)
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

bool KeyModel::canFetchMore(const QModelIndex &parent) const
{
    return !parent.isValid() && m_isActive && !m_isComplete && !m_isFetchingTail && !m_tailFailed;
}

void KeyModel::fetchMore(const QModelIndex &parent)
{
    if (canFetchMore(parent))
        fetchTail();
}

void KeyModel::fetchTail()
{
    if (m_isFetchingTail || m_isComplete)
        return;
    m_isFetchingTail = true;
    Q_EMIT progressed();
    m_source.fetchKeys(m_prefix, m_tailCursor, kPageRows, this,
                       [this, generation = m_generation](const client::Answer<KeyPage> &answer) {
                           if (generation != m_generation)
                               return;
                           m_isFetchingTail = false;
                           m_tailFailed = !answer.ok();
                           if (answer.ok())
                               takeTail(*answer.value);
                           else
                               Q_EMIT failed(QString::fromUtf8(answer.failure.message));
                           Q_EMIT progressed();
                       });
}

void KeyModel::takeTail(const KeyPage &page)
{
    m_hasAnswer = true;
    m_totalEstimate = page.totalEstimate;
    Segment segment;
    segment.after = m_tailCursor;
    segment.isHeld = true;
    segment.lastUsed = ++m_useClock;
    segment.rows = static_cast<int>(page.keys.size());
    if (!page.next.isEmpty() && !page.keys.empty())
        segment.lastKey = page.keys.back().key;
    // A page without keys ends the walk, whatever its cursor says; else a faulty node could make it
    // endless.
    m_isComplete = page.next.isEmpty() || page.keys.empty();
    m_tailCursor = page.next;
    const int first = rowCount();
    if (segment.rows > 0)
        beginInsertRows({}, first, first + segment.rows - 1);
    segment.entries = page.keys;
    m_segments.push_back(std::move(segment));
    reindex();
    if (m_segments.back().rows > 0)
        endInsertRows();
    forgetUnused();
}

void KeyModel::refresh(int firstRow, int lastRow)
{
    if (m_segments.empty())
        return;
    const int last = std::clamp(lastRow, 0, std::max(rowCount() - 1, 0));
    const std::size_t end = segmentOfRow(last);
    for (std::size_t i = segmentOfRow(std::clamp(firstRow, 0, last)); i <= end; ++i)
        fetchSegment(i);
}

void KeyModel::refreshAround(const QByteArray &key)
{
    const std::size_t index = segmentOfKey(key);
    if (index < m_segments.size())
        fetchSegment(index);
}

void KeyModel::want(std::size_t index) const
{
    const auto it = std::find(m_wanted.begin(), m_wanted.end(), index);
    if (it != m_wanted.end())
        m_wanted.erase(it);
    m_wanted.push_back(index);
    if (m_wanted.size() > kWantedMax)
        m_wanted.erase(m_wanted.begin());
    if (!m_wantedTimer.isActive())
        m_wantedTimer.start();
}

void KeyModel::fetchWanted()
{
    const std::vector<std::size_t> wanted = std::move(m_wanted);
    m_wanted.clear();
    for (const std::size_t index : wanted)
        if (index < m_segments.size() && !m_segments[index].isHeld)
            fetchSegment(index);
}

void KeyModel::fetchSegment(std::size_t index)
{
    Segment &segment = m_segments[index];
    if (segment.isFetching)
        return;
    segment.isFetching = true;
    const QByteArray after = segment.after;
    m_source.fetchKeys(
        m_prefix, after, kPageRows, this,
        [this, after, generation = m_generation](const client::Answer<KeyPage> &answer) {
            if (generation != m_generation)
                return;
            for (Segment &asked : m_segments)
                asked.isFetching = asked.isFetching && asked.after != after;
            if (answer.ok())
                takeSegment(after, *answer.value);
            else
                Q_EMIT failed(QString::fromUtf8(answer.failure.message));
        });
}

void KeyModel::takeSegment(const QByteArray &after, const KeyPage &page)
{
    const auto found =
        std::find_if(m_segments.begin(), m_segments.end(),
                     [&after](const Segment &segment) { return segment.after == after; });
    if (found == m_segments.end())
        return;
    const auto index = static_cast<std::size_t>(found - m_segments.begin());
    m_totalEstimate = page.totalEstimate;
    Entries fresh = page.keys;
    const bool isOpen = m_segments[index].lastKey.isEmpty();
    const auto end = std::find_if(fresh.begin(), fresh.end(), [&](const KeyEntry &entry) {
        return !isOpen && m_segments[index].lastKey < entry.key;
    });
    const bool passedTheEnd = end != fresh.end();
    fresh.erase(end, fresh.end());
    const bool reachedTheEnd =
        passedTheEnd || page.next.isEmpty() ||
        (!isOpen && !fresh.empty() && fresh.back().key == m_segments[index].lastKey);
    if (!reachedTheEnd && !fresh.empty())
        splitAfter(index, page);
    if (!m_segments[index].isHeld)
        resizeUnheld(index, static_cast<int>(fresh.size()));
    merge(index, fresh);
    m_segments[index].lastUsed = ++m_useClock;
    forgetUnused();
    Q_EMIT progressed();
}

/// More keys stand in the segment than fit a page: the rest becomes a segment of its own.
void KeyModel::splitAfter(std::size_t index, const KeyPage &page)
{
    Segment &segment = m_segments[index];
    const QByteArray newEnd = page.keys.back().key;
    if (segment.lastKey.isEmpty()) { // It was the last one; what follows is the tail again.
        segment.lastKey = newEnd;
        m_tailCursor = page.next;
        m_isComplete = false;
        return;
    }
    Segment rest;
    rest.after = page.next;
    rest.lastKey = segment.lastKey;
    segment.lastKey = newEnd;
    const int count = static_cast<int>(page.keys.size());
    if (segment.isHeld) {
        const auto from = std::upper_bound(
            segment.entries.begin(), segment.entries.end(), newEnd,
            [](const QByteArray &key, const KeyEntry &entry) { return key < entry.key; });
        rest.entries.assign(from, segment.entries.end());
        rest.isHeld = !rest.entries.empty();
        rest.rows = static_cast<int>(rest.entries.size());
        segment.entries.erase(from, segment.entries.end());
    } else {
        rest.rows = std::max(segment.rows - count, 0);
    }
    segment.rows -= rest.rows;
    rest.lastUsed = segment.lastUsed;
    m_segments.insert(m_segments.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(rest));
    reindex();
}

/// Gives a segment that is not held the number of rows it turned out to have.
void KeyModel::resizeUnheld(std::size_t index, int rows)
{
    Segment &segment = m_segments[index];
    const int first = m_starts[index];
    const int before = segment.rows;
    if (rows > before)
        beginInsertRows({}, first + before, first + rows - 1);
    else if (rows < before)
        beginRemoveRows({}, first + rows, first + before - 1);
    segment.rows = rows;
    reindex();
    if (rows > before)
        endInsertRows();
    else if (rows < before)
        endRemoveRows();
}

/// Turns the rows of the segment into \a fresh by inserting, removing and changing single rows.
void KeyModel::merge(std::size_t index, const Entries &fresh)
{
    const int first = m_starts[index];
    if (!m_segments[index].isHeld) {
        m_segments[index].entries = fresh;
        m_segments[index].isHeld = true;
        if (!fresh.empty())
            Q_EMIT dataChanged(
                this->index(first, 0),
                this->index(first + static_cast<int>(fresh.size()) - 1, ColumnCount - 1));
        return;
    }
    Entries &entries = m_segments[index].entries;
    const auto settle = [&] {
        m_segments[index].rows = static_cast<int>(entries.size());
        reindex();
    };
    std::size_t at = 0;
    for (std::size_t next = 0; at < entries.size() || next < fresh.size();) {
        const int row = first + static_cast<int>(at);
        std::size_t run = 0;
        while (at + run < entries.size() &&
               (next == fresh.size() || entries[at + run].key < fresh[next].key))
            ++run;
        if (run > 0) {
            beginRemoveRows({}, row, row + static_cast<int>(run) - 1);
            const auto from = entries.begin() + static_cast<std::ptrdiff_t>(at);
            entries.erase(from, from + static_cast<std::ptrdiff_t>(run));
            settle();
            endRemoveRows();
            continue;
        }
        while (next + run < fresh.size() &&
               (at == entries.size() || fresh[next + run].key < entries[at].key))
            ++run;
        if (run > 0) {
            beginInsertRows({}, row, row + static_cast<int>(run) - 1);
            const auto from = fresh.begin() + static_cast<std::ptrdiff_t>(next);
            entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(at), from,
                           from + static_cast<std::ptrdiff_t>(run));
            settle();
            endInsertRows();
            at += run;
            next += run;
            continue;
        }
        if (entries[at] != fresh[next]) {
            entries[at] = fresh[next];
            Q_EMIT dataChanged(this->index(row, 0), this->index(row, ColumnCount - 1));
        }
        ++at;
        ++next;
    }
}

/// Drops the rows of the segments used longest ago; their cursors and counts stay.
void KeyModel::forgetUnused()
{
    while (residentSegments() > kResidentSegmentsMax) {
        Segment *oldest = nullptr;
        for (Segment &segment : m_segments)
            if (segment.isHeld && (!oldest || segment.lastUsed < oldest->lastUsed))
                oldest = &segment;
        oldest->isHeld = false;
        oldest->entries = Entries();
    }
}

std::size_t KeyModel::residentSegments() const
{
    return static_cast<std::size_t>(
        std::count_if(m_segments.begin(), m_segments.end(),
                      [](const Segment &segment) { return segment.isHeld; }));
}

void KeyModel::reindex()
{
    m_starts.resize(m_segments.size() + 1);
    m_starts[0] = 0;
    for (std::size_t i = 0; i < m_segments.size(); ++i)
        m_starts[i + 1] = m_starts[i] + m_segments[i].rows;
}

std::size_t KeyModel::segmentOfRow(int row) const
{
    const auto after = std::upper_bound(m_starts.begin(), m_starts.end(), row);
    const auto index = static_cast<std::size_t>(after - m_starts.begin()) - 1;
    return std::min(index, m_segments.size() - 1);
}

/// The segment in which \a key stands or would stand; past the last one where it is beyond them.
std::size_t KeyModel::segmentOfKey(const QByteArray &key) const
{
    const auto it =
        std::find_if(m_segments.begin(), m_segments.end(), [&key](const Segment &segment) {
            return segment.lastKey.isEmpty() || key <= segment.lastKey;
        });
    return static_cast<std::size_t>(it - m_segments.begin());
}

int KeyModel::rowOf(const QByteArray &key) const
{
    const std::size_t index = segmentOfKey(key);
    if (index >= m_segments.size())
        return -1;
    const Entries &entries = m_segments[index].entries;
    const auto it = std::lower_bound(entries.begin(), entries.end(), key, keyIsBefore);
    if (it == entries.end() || it->key != key)
        return -1;
    return m_starts[index] + static_cast<int>(it - entries.begin());
}

const KeyEntry *KeyModel::entryAt(int row) const
{
    const std::size_t index = segmentOfRow(row);
    const Segment &segment = m_segments[index];
    if (!segment.isHeld)
        return nullptr;
    segment.lastUsed = ++m_useClock;
    return &segment.entries[static_cast<std::size_t>(row - m_starts[index])];
}

QByteArray KeyModel::keyAt(int row) const
{
    if (row < 0 || row >= rowCount())
        return {};
    const KeyEntry *entry = entryAt(row);
    return entry ? entry->key : QByteArray();
}

int KeyModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : m_starts.back();
}

int KeyModel::columnCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant KeyModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    if (role == Qt::TextAlignmentRole && index.column() != KeyColumn)
        return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
    const KeyEntry *entry = entryAt(index.row());
    if (!entry) {
        if (role == Qt::DisplayRole)
            want(segmentOfRow(index.row()));
        return role == Qt::DisplayRole && index.column() == KeyColumn
                   ? QVariant(QStringLiteral("…"))
                   : QVariant();
    }
    switch (role) {
    case Qt::DisplayRole:
        if (index.column() == KeyColumn)
            return displayKey(entry->key);
        if (index.column() == SizeColumn)
            return displaySize(entry->size);
        return displayAge(entry->updatedAtMs, QDateTime::currentMSecsSinceEpoch());
    case Qt::ToolTipRole:
        return index.column() == UpdatedColumn ? displayTime(entry->updatedAtMs) : QVariant();
    case KeyRole:
        return entry->key;
    case VersionRole:
        return entry->version;
    default:
        return {};
    }
}

QVariant KeyModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::Alignment(
            (section == KeyColumn ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter));
    if (role != Qt::DisplayRole)
        return {};
    switch (static_cast<Column>(section)) {
    case KeyColumn:
        return tr("Key");
    case SizeColumn:
        return tr("Size");
    case UpdatedColumn:
        return tr("Changed");
    case ColumnCount:
        break;
    }
    return {};
}

} // namespace dynakv::admin
