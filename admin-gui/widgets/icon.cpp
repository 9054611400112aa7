// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/icon.h"

#include <QFile>
#include <QHash>
#include <QIconEngine>
#include <QPainter>
#include <QSvgRenderer>

namespace dynakv::admin {
namespace {

const QByteArray &source(const QByteArray &name)
{
    static QHash<QByteArray, QByteArray> sources;
    QByteArray &bytes = sources[name];
    if (bytes.isEmpty()) {
        QFile file(QStringLiteral(":/icons/%1.svg").arg(QString::fromLatin1(name)));
        if (file.open(QIODevice::ReadOnly))
            bytes = file.readAll();
    }
    return bytes;
}

class LineIconEngine final : public QIconEngine
{
public:
    LineIconEngine(QByteArray name, Tone tone)
        : m_name(std::move(name))
        , m_tone(tone)
    {
    }

    void paint(QPainter *painter, const QRect &rect, QIcon::Mode mode, QIcon::State) override
    {
        QColor colour = tokens().of(m_tone);
        if (mode == QIcon::Disabled)
            colour.setAlphaF(0.4F);
        QByteArray svg = source(m_name);
        svg.replace("currentColor", colour.name().toLatin1());
        QSvgRenderer renderer(svg);
        painter->save();
        painter->setOpacity(painter->opacity() * qreal(colour.alphaF()));
        renderer.render(painter, rect);
        painter->restore();
    }
    QPixmap pixmap(const QSize &size, QIcon::Mode mode, QIcon::State state) override
    {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, pixmap.rect(), mode, state);
        return pixmap;
    }
    [[nodiscard]] QIconEngine *clone() const override { return new LineIconEngine(m_name, m_tone); }

private:
    QByteArray m_name;
    Tone m_tone;
};

} // namespace

QIcon icon(const char *name, Tone tone)
{
    return QIcon(new LineIconEngine(name, tone));
}

QIcon applicationIcon()
{
    return QIcon(QStringLiteral(":/icons/dynakv-admin.svg"));
}

QPixmap iconPixmap(const char *name, Tone tone, int size, qreal devicePixelRatio)
{
    return icon(name, tone).pixmap(QSize(size, size), devicePixelRatio);
}

StateMark stateMark(const QByteArray &memberState)
{
    if (memberState == "alive")
        return {"good", Tone::Good};
    if (memberState == "suspect")
        return {"suspect", Tone::Warning};
    if (memberState == "down")
        return {"error", Tone::Bad};
    if (memberState == "joining")
        return {"joining", Tone::Accent};
    return {"left", Tone::Muted};
}

} // namespace dynakv::admin
