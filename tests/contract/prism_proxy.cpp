// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/contract/prism_proxy.h"

#include "tests/support/daemon_process.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTcpSocket>

namespace dynakv::test {
namespace {

QByteArray sentence(const QJsonObject &fault)
{
    QByteArray place;
    for (const QJsonValue &step : fault.value(QLatin1String("location")).toArray())
        place += (place.isEmpty() ? "" : ".") + step.toVariant().toByteArray();
    return place + ": " + fault.value(QLatin1String("message")).toString().toUtf8();
}

void takeFaults(Validated &validated)
{
    const auto field = validated.answer.headers.find("sl-violations");
    if (field == validated.answer.headers.end())
        return;
    const QJsonDocument faults = QJsonDocument::fromJson(field->second);
    // More of them than fit into a field are cut off, and no JSON then.
    if (!faults.isArray() || faults.array().isEmpty())
        validated.answerFaults.append(field->second);
    for (const QJsonValue &each : faults.array()) {
        const bool isRequest =
            each[QLatin1String("location")][0].toString() == QLatin1String("request");
        (isRequest ? validated.requestFaults : validated.answerFaults)
            .append(sentence(each.toObject()));
    }
}

} // namespace

PrismProxy::PrismProxy(base::Endpoint node, QString document, QString directory, OnFault onFault)
    : m_node(std::move(node))
    , m_address(freeAddress())
    , m_document(std::move(document))
    , m_logPath(std::move(directory) + QStringLiteral("/prism-%1.log").arg(m_address.port))
    , m_onFault(onFault)
{
    m_process.setProcessChannelMode(QProcess::MergedChannels);
    m_process.setStandardOutputFile(m_logPath);
    dieWithParent(m_process);
}

PrismProxy::~PrismProxy()
{
    if (m_process.state() == QProcess::NotRunning)
        return;
    m_process.kill();
    m_process.waitForFinished();
}

bool PrismProxy::start()
{
    QStringList arguments{QStringLiteral("proxy"),
                          m_document,
                          QStringLiteral("http://") + QString::fromLatin1(m_node.toString()),
                          QStringLiteral("--host=127.0.0.1"),
                          QStringLiteral("--port=%1").arg(m_address.port),
                          QStringLiteral("--multiprocess=false"),
                          QStringLiteral("--cors=false")};
    if (m_onFault == OnFault::Stop)
        arguments.append(QStringLiteral("--errors"));
    m_process.start(qEnvironmentVariable("DYNAKV_PRISM"), arguments);
    const auto isListening = [this] {
        QTcpSocket socket;
        socket.connectToHost(QString::fromLatin1(m_address.host), m_address.port);
        return socket.waitForConnected(1000);
    };
    return m_process.waitForStarted() &&
           waitUntil([&] { return m_process.state() == QProcess::NotRunning || isListening(); },
                     60'000) &&
           m_process.state() == QProcess::Running;
}

Validated PrismProxy::ask(const QByteArray &method, const QByteArray &target,
                          const QByteArray &fields, const QByteArray &body) const
{
    QByteArray head = method + ' ' + target + " HTTP/1.1\r\n" + fields;
    if (!body.isEmpty() && !fields.contains("Content-Length"))
        head += "Content-Length: " + QByteArray::number(body.size()) + "\r\n";
    Validated validated;
    validated.answer = Exchange(m_address, head, body).finish(30'000);
    takeFaults(validated);
    return validated;
}

QByteArray PrismProxy::log() const
{
    QFile file(m_logPath);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace dynakv::test
