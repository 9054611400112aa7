// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/api/cluster_status.h"

#include <QAbstractTableModel>

#include <vector>

namespace dynakv::admin {

/// The members of the cluster as a table, sorted by address. An update inserts and
/// removes single rows and never resets, so that selection and scroll position stay where the
/// person left them.
class MemberModel final : public QAbstractTableModel
{
    Q_OBJECT
public:
    enum Column {
        StateColumn,
        AddressColumn,
        KeysColumn,
        DataColumn,
        RoundTripColumn,
        SinceColumn,
        VersionColumn,
        IdColumn,
        ColumnCount
    };
    enum Role { StateRole = Qt::UserRole, InUseRole, AddressRole };

    explicit MemberModel(QObject *parent = nullptr);

    /// \a inUse is the address of the node that answers the application.
    void setMembers(std::vector<base::api::MemberStatus> members, const QByteArray &inUse,
                    qint64 nowMs);
    void clear() { setMembers({}, {}, 0); }
    [[nodiscard]] const std::vector<base::api::MemberStatus> &members() const { return m_members; }

    [[nodiscard]] int rowCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] int columnCount(const QModelIndex &parent = {}) const override;
    [[nodiscard]] QVariant data(const QModelIndex &index, int role) const override;
    [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation,
                                      int role) const override;

private:
    [[nodiscard]] QString text(const base::api::MemberStatus &member, Column column) const;

    std::vector<base::api::MemberStatus> m_members;
    QByteArray m_inUse;
    qint64 m_nowMs = 0;
};

/// The word for a state on the screen; unknown states of newer nodes pass through.
QString displayState(const QByteArray &state);

} // namespace dynakv::admin
