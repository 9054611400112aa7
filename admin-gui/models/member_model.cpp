// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/member_model.h"

#include "admin-gui/models/display_text.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <tuple>

namespace dynakv::admin {
namespace {

using base::api::MemberStatus;

QString unknown()
{
    return QStringLiteral("–");
}

QString roundTrip(const MemberStatus &member)
{
    if (member.isSelf || !member.rttMs)
        return unknown();
    return MemberModel::tr("%1 ms").arg(
        QLocale().toString(*member.rttMs, 'f', *member.rttMs < 10 ? 1 : 0));
}

/// By address, then id: a member that came back with a wiped disk has a new id on its old address.
bool standsBefore(const MemberStatus &a, const MemberStatus &b)
{
    return std::tie(a.address, a.id) < std::tie(b.address, b.id);
}

} // namespace

QString displayState(const QByteArray &state)
{
    static const std::pair<const char *, const char *> kWords[] = {
        {"joining", QT_TRANSLATE_NOOP("MemberState", "Joining")},
        {"alive", QT_TRANSLATE_NOOP("MemberState", "Alive")},
        {"suspect", QT_TRANSLATE_NOOP("MemberState", "Suspect")},
        {"down", QT_TRANSLATE_NOOP("MemberState", "Down")},
        {"leaving", QT_TRANSLATE_NOOP("MemberState", "Leaving")},
        {"left", QT_TRANSLATE_NOOP("MemberState", "Left")},
    };
    for (const auto &[name, word] : kWords)
        if (state == name)
            return QCoreApplication::translate("MemberState", word);
    return displayKey(state);
}

MemberModel::MemberModel(QObject *parent)
    : QAbstractTableModel(parent)
{
}

void MemberModel::setMembers(std::vector<MemberStatus> members, const QByteArray &inUse,
                             qint64 nowMs)
{
    std::sort(members.begin(), members.end(), standsBefore);
    m_inUse = inUse;
    m_nowMs = nowMs;
    std::size_t row = 0;
    std::size_t next = 0;
    while (row < m_members.size() || next < members.size()) {
        const int at = static_cast<int>(row);
        const bool isGone = next == members.size() ||
                            (row < m_members.size() && standsBefore(m_members[row], members[next]));
        if (isGone) {
            beginRemoveRows({}, at, at);
            m_members.erase(m_members.begin() + at);
            endRemoveRows();
            continue;
        }
        if (row == m_members.size() || standsBefore(members[next], m_members[row])) {
            beginInsertRows({}, at, at);
            m_members.insert(m_members.begin() + at, members[next]);
            endInsertRows();
        } else {
            m_members[row] = members[next];
        }
        ++row;
        ++next;
    }
    if (!m_members.empty())
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

int MemberModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_members.size());
}

int MemberModel::columnCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QString MemberModel::text(const MemberStatus &member, Column column) const
{
    switch (column) {
    case StateColumn:
        return displayState(member.state);
    case AddressColumn:
        return displayKey(member.address);
    case KeysColumn:
        return member.keys ? displayCount(*member.keys) : unknown();
    case DataColumn:
        return member.bytes ? displaySize(*member.bytes) : unknown();
    case RoundTripColumn:
        return roundTrip(member);
    case SinceColumn:
        return displayAge(member.sinceMs, m_nowMs);
    case VersionColumn:
        return member.version.isEmpty() ? unknown() : displayKey(member.version);
    case IdColumn:
        return displayKey(member.id);
    case ColumnCount:
        break;
    }
    return {};
}

QVariant MemberModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    const MemberStatus &member = m_members[static_cast<std::size_t>(index.row())];
    const auto column = static_cast<Column>(index.column());
    if (role == Qt::DisplayRole)
        return text(member, column);
    if (role == StateRole)
        return member.state;
    if (role == AddressRole)
        return member.address;
    if (role == InUseRole)
        return member.address == m_inUse || (member.isSelf && m_inUse.isEmpty());
    if (role == Qt::ToolTipRole && column == SinceColumn)
        return displayTime(member.sinceMs);
    if (role == Qt::AccessibleTextRole)
        return tr("%1: %2").arg(
            headerData(index.column(), Qt::Horizontal, Qt::DisplayRole).toString(),
            text(member, column));
    if (role == Qt::TextAlignmentRole &&
        (column == KeysColumn || column == DataColumn || column == RoundTripColumn))
        return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
    return {};
}

QVariant MemberModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole) {
        const bool isFigure =
            section == KeysColumn || section == DataColumn || section == RoundTripColumn;
        return QVariant::fromValue(
            Qt::Alignment((isFigure ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
    }
    if (role != Qt::DisplayRole)
        return {};
    switch (static_cast<Column>(section)) {
    case StateColumn:
        return tr("State");
    case AddressColumn:
        return tr("Address");
    case KeysColumn:
        return tr("Keys");
    case DataColumn:
        return tr("Data");
    case RoundTripColumn:
        return tr("Round trip");
    case SinceColumn:
        return tr("Since");
    case VersionColumn:
        return tr("Version");
    case IdColumn:
        return tr("Node ID");
    case ColumnCount:
        break;
    }
    return {};
}

} // namespace dynakv::admin
