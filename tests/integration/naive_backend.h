// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayList>
#include <QTcpServer>

#include <map>

namespace dynakv::test {

/// A key-value server that reads HTTP as many small servers do, to show that a judge of smuggling
/// sees it where it is.
class NaiveBackend final : public QTcpServer
{
    Q_OBJECT
public:
    enum class Fault : quint8 {
        ExpectsNoBodyOfGet, ///< What a GET brings along is the next request.
        TrimsFieldNames,    ///< `Transfer-Encoding : chunked` counts, and before Content-Length.
    };

    explicit NaiveBackend(Fault fault);

    /// Methods and paths of the requests that it did, in order.
    [[nodiscard]] QByteArrayList executed() const { return m_executed; }

private:
    void accept();
    void serve(QTcpSocket &socket, QByteArray &received);
    /// The bytes of the first body in \a received, framing included; -1 while it is not whole.
    [[nodiscard]] qsizetype bodyEnd(const QByteArray &head, const QByteArray &received) const;
    QByteArray execute(const QByteArray &head, const QByteArray &body);

    Fault m_fault;
    std::map<QByteArray, QByteArray> m_values = {};
    QByteArrayList m_executed = {};
};

} // namespace dynakv::test
