// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/call.h"

#include <QNetworkAccessManager>
#include <QNetworkReply>

#include <algorithm>

namespace dynakv::client {
namespace {

/// More nodes than that are not asked for one request: whoever waits for the answer is a person.
constexpr std::size_t kAttemptsMax = 6;
/// A node that drips bytes is never silent; this ends it.
constexpr int kAttemptTotalMs = 30'000;
constexpr int kExtraForWritesMs = 1000;
constexpr int kUnavailable = 503;
constexpr int kRetryAfterSecondsMax = 3600;

QNetworkRequest networkRequest(const base::Endpoint &node, const Request &request)
{
    QNetworkRequest result(
        QUrl::fromEncoded("http://" + node.toString() + request.target, QUrl::StrictMode));
    result.setRawHeader("User-Agent", "dynakv-client/" DYNAKV_VERSION);
    result.setRawHeader("Accept", "application/json, application/problem+json");
    // Keeps Qt from unpacking answers behind our bound.
    result.setRawHeader("Accept-Encoding", "identity");
    if (!request.contentType.isEmpty())
        result.setHeader(QNetworkRequest::ContentTypeHeader, request.contentType);
    if (!request.ifMatch.isEmpty())
        result.setRawHeader("If-Match", request.ifMatch);
    if (!request.ifNoneMatch.isEmpty())
        result.setRawHeader("If-None-Match", request.ifNoneMatch);
    result.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                        QNetworkRequest::ManualRedirectPolicy);
    result.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    result.setAttribute(QNetworkRequest::CacheLoadControlAttribute, QNetworkRequest::AlwaysNetwork);
    result.setAttribute(QNetworkRequest::CacheSaveControlAttribute, false);
    result.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    result.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    result.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    return result;
}

QByteArray plainWords(QNetworkReply::NetworkError error, const QString &fallback)
{
    if (error == QNetworkReply::ConnectionRefusedError)
        return "the connection was refused";
    if (error == QNetworkReply::HostNotFoundError)
        return "the host name is not known";
    if (error == QNetworkReply::RemoteHostClosedError)
        return "the connection was closed before the answer came";
    return fallback.toUtf8();
}

QByteArray describe(const std::vector<std::pair<base::Endpoint, QByteArray>> &failed)
{
    QByteArray text = "none of " + QByteArray::number(qsizetype(failed.size())) + " nodes answered";
    char separator = ':';
    for (const auto &[node, why] : failed) {
        text += separator + (" " + node.toString()) + ": " + why;
        separator = ';';
    }
    return text;
}

Failure refusal(const Exchange &exchange)
{
    Failure failure;
    failure.kind = FailureKind::Refused;
    auto problem = base::api::problemFromJson(exchange.body);
    failure.problem = problem ? *std::move(problem) : base::api::Problem{};
    failure.problem.status = exchange.status;
    const base::api::Problem &told = failure.problem;
    failure.message = !told.detail.isEmpty() ? told.detail : told.title;
    if (failure.message.isEmpty())
        failure.message = exchange.node.toString() + " answered with HTTP status " +
                          QByteArray::number(exchange.status);
    failure.outcomeUnknown =
        told.extra.value(QLatin1String("outcome")).toString() == QLatin1String("unknown");
    return failure;
}

} // namespace

Call::Call(QNetworkAccessManager &network, Request request, std::vector<base::Endpoint> nodes,
           int silenceTimeoutMs, QObject *parent)
    : QObject(parent)
    , m_network(network)
    , m_request(std::move(request))
    , m_nodes(std::move(nodes))
    , m_silenceTimeoutMs(silenceTimeoutMs)
{
    m_silence.setSingleShot(true);
    m_total.setSingleShot(true);
    connect(&m_silence, &QTimer::timeout, this,
            [this] { abandon(FailureKind::TimedOut, "it did not answer in time"); });
    connect(&m_total, &QTimer::timeout, this,
            [this] { abandon(FailureKind::TimedOut, "its answer took too long"); });
}

void Call::start(Done done)
{
    m_done = std::move(done);
    attempt();
}

void Call::attempt()
{
    const QNetworkRequest request = networkRequest(m_nodes[m_next], m_request);
    m_wasSent = false;
    m_abandoned.clear();
    m_elapsed.start();
    m_silence.start(m_silenceTimeoutMs + (m_request.isWrite() ? kExtraForWritesMs : 0));
    m_total.start(std::max(kAttemptTotalMs, m_silenceTimeoutMs));
    switch (m_request.method) {
    case Method::Get:
        m_reply = m_network.get(request);
        break;
    case Method::Put:
        m_reply = m_network.put(request, m_request.body);
        break;
    case Method::Post:
        m_reply = m_network.post(request, m_request.body);
        break;
    case Method::Delete:
        m_reply = m_network.deleteResource(request);
        break;
    }
    connect(m_reply, &QNetworkReply::requestSent, this, [this] { m_wasSent = true; });
    connect(m_reply, &QNetworkReply::uploadProgress, this, &Call::noteProgress);
    connect(m_reply, &QNetworkReply::metaDataChanged, this, &Call::noteProgress);
    connect(m_reply, &QNetworkReply::readyRead, this, &Call::noteProgress);
    connect(m_reply, &QNetworkReply::finished, this, &Call::finishAttempt);
}

void Call::noteProgress()
{
    m_silence.start();
    const qint64 announced = m_reply->header(QNetworkRequest::ContentLengthHeader).toLongLong();
    if (std::max(announced, m_reply->bytesAvailable()) > m_request.answerBytesMax)
        abandon(FailureKind::TooLarge, "its answer is larger than " +
                                           QByteArray::number(m_request.answerBytesMax) + " bytes");
}

void Call::abandon(FailureKind kind, const QByteArray &why)
{
    m_abandonedKind = kind;
    m_abandoned = why;
    if (m_reply)
        m_reply->abort(); // Emits finished().
}

void Call::finishAttempt()
{
    m_silence.stop();
    m_total.stop();
    QNetworkReply *reply = m_reply;
    m_reply = nullptr;
    reply->deleteLater();
    const int status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    const auto error = reply->error();
    // Qt maps answers of 400 and above to errors from ContentAccessDenied on; those are answers.
    const bool isAnswer =
        m_abandoned.isEmpty() && status >= 200 &&
        (error == QNetworkReply::NoError || error > QNetworkReply::UnknownProxyError) &&
        error != QNetworkReply::ProtocolFailure && error != QNetworkReply::ProtocolUnknownError;
    if (!isAnswer) {
        const bool wasClosed =
            m_abandoned.isEmpty() && error == QNetworkReply::RemoteHostClosedError;
        if (wasClosed && !m_retriedClosed) {
            // A kept connection that the node closed meanwhile says nothing about the node.
            m_retriedClosed = true;
            m_outcomeUnknown = m_outcomeUnknown || (m_request.isWrite() && m_wasSent);
            attempt();
            return;
        }
        const bool notSent = error == QNetworkReply::ConnectionRefusedError ||
                             error == QNetworkReply::HostNotFoundError || !m_wasSent;
        if (m_abandoned.isEmpty())
            failAttempt(FailureKind::Unreachable, plainWords(error, reply->errorString()),
                        !notSent);
        else
            failAttempt(m_abandonedKind, m_abandoned, !notSent);
        return;
    }
    Exchange exchange;
    exchange.status = status;
    exchange.body = reply->read(m_request.answerBytesMax);
    exchange.etag = reply->rawHeader("ETag");
    exchange.date = reply->rawHeader("Date");
    exchange.durability = reply->rawHeader("DynaKV-Durability");
    exchange.node = m_nodes[m_next];
    exchange.latencyMs = static_cast<int>(m_elapsed.elapsed());
    if (status >= 300) {
        exchange.failure = refusal(exchange);
        const int seconds = reply->rawHeader("Retry-After").toInt();
        exchange.failure.retryAfterSeconds = std::clamp(seconds, 0, kRetryAfterSecondsMax);
    }
    answer(std::move(exchange));
}

void Call::failAttempt(FailureKind kind, const QByteArray &why, bool mayHaveArrived)
{
    const base::Endpoint node = m_nodes[m_next];
    m_outcomeUnknown = m_outcomeUnknown || (m_request.isWrite() && mayHaveArrived);
    Exchange exchange;
    exchange.failure.kind = kind;
    exchange.failure.message = node.toString() + ": " + why;
    exchange.node = node;
    exchange.latencyMs = static_cast<int>(m_elapsed.elapsed());
    if (kind == FailureKind::TooLarge) {
        answer(std::move(exchange)); // Every node would send the same.
        return;
    }
    m_failed.emplace_back(node, why);
    if (m_best.status == 0)
        m_best = std::move(exchange);
    answer({});
}

/// An empty exchange stands for no answer from this node.
void Call::answer(Exchange exchange)
{
    const bool isRefusedForNow = exchange.status == kUnavailable &&
                                 !exchange.failure.outcomeUnknown && m_request.mayFailOver;
    if (isRefusedForNow) {
        m_failed.emplace_back(exchange.node, "it is not ready: " + exchange.failure.message);
        m_best = exchange;
    }
    const bool isNoAnswer = exchange.status == 0 && exchange.node.isEmpty();
    if (isNoAnswer || isRefusedForNow) {
        ++m_next;
        m_retriedClosed = false;
        if (m_request.mayFailOver && m_next < std::min(m_nodes.size(), kAttemptsMax)) {
            attempt();
            return;
        }
        exchange = std::move(m_best);
    }
    const bool succeeded = exchange.status >= 200 && exchange.status < 300;
    exchange.failure.outcomeUnknown =
        !succeeded && (exchange.failure.outcomeUnknown || m_outcomeUnknown);
    exchange.failed = std::move(m_failed);
    if (exchange.status == 0 && exchange.failed.size() > 1)
        exchange.failure.message = describe(exchange.failed);
    deleteLater();
    // Whoever is told may delete the client, and this call with it.
    const Done done = std::move(m_done);
    done(exchange);
}

} // namespace dynakv::client
