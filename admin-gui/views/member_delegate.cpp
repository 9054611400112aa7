// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/views/member_delegate.h"

#include "admin-gui/models/member_model.h"
#include "admin-gui/widgets/icon.h"

namespace dynakv::admin {

void MemberDelegate::initStyleOption(QStyleOptionViewItem *option, const QModelIndex &index) const
{
    QStyledItemDelegate::initStyleOption(option, index);
    const auto setText = [option](const QColor &colour) {
        option->palette.setColor(QPalette::Text, colour);
        option->palette.setColor(QPalette::HighlightedText, colour);
    };
    if (index.column() == MemberModel::StateColumn) {
        const StateMark mark = stateMark(index.data(MemberModel::StateRole).toByteArray());
        option->features |= QStyleOptionViewItem::HasDecoration;
        option->icon = icon(mark.icon, mark.tone);
        option->decorationSize = QSize(18, 18);
        setText(tokens().of(mark.tone));
    }
    if (index.column() == MemberModel::AddressColumn &&
        index.data(MemberModel::InUseRole).toBool()) {
        option->text += QStringLiteral("   ") + tr("in use");
        option->font.setBold(true);
    }
    if (index.column() == MemberModel::IdColumn)
        setText(tokens().muted);
}

} // namespace dynakv::admin
