// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"
#include "tests/support/rest_probe.h"

#include <QByteArray>
#include <QProcess>
#include <QString>

namespace dynakv::test {

/// What came through the proxy.
struct Validated
{
    HttpAnswer answer = {};
    /// What in the request, and in the answer, is not as the document says; one sentence each.
    QList<QByteArray> requestFaults = {};
    QList<QByteArray> answerFaults = {};
};

/// `prism proxy` in front of one node, which compares what passes with the API document and says in
/// a field of the answer what differs. The destructor ends the process, by its id.
class PrismProxy
{
public:
    enum class OnFault : quint8 {
        Pass, ///< A wrong request reaches the node, which has to refuse it.
        Stop, ///< `--errors`: what differs is answered by an error of Prism's own.
    };

    PrismProxy(base::Endpoint node, QString document, QString directory,
               OnFault onFault = OnFault::Pass);
    ~PrismProxy();
    Q_DISABLE_COPY_MOVE(PrismProxy)

    /// Starts the program that DYNAKV_PRISM names; true once it takes connections.
    bool start();
    /// \a fields: each ended by CRLF. Content-Length is added where there is a \a body.
    [[nodiscard]] Validated ask(const QByteArray &method, const QByteArray &target,
                                const QByteArray &fields = {}, const QByteArray &body = {}) const;
    [[nodiscard]] QByteArray log() const;

private:
    base::Endpoint m_node;
    base::Endpoint m_address;
    QString m_document;
    QString m_logPath;
    OnFault m_onFault;
    QProcess m_process;
};

} // namespace dynakv::test
