// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/rest_client.h"

#include "shared/base/api/key_text.h"
#include "shared/base/limits.h"
#include "shared/client/answer_reader.h"
#include "shared/client/call.h"
#include "shared/client/json_slice.h"

#include <QNetworkProxy>
#include <QPointer>

#include <algorithm>

namespace dynakv::client {
namespace {

using base::api::ClusterStatus;
using base::api::KeyPage;

constexpr int kUnavailable = 503;
constexpr qsizetype kSmallAnswerMax = qsizetype{64} << 10;
constexpr qsizetype kListAnswerMax = qsizetype{8} << 20;
/// The greatest value as base64 with what stands around it.
constexpr qsizetype kValueAnswerMax = base::limits::kValueBytesMax / 3 * 4 + kSmallAnswerMax;
/// Writes are answered with a line of some hundred bytes each; and a key may need escapes.
constexpr qsizetype kLinesAnswerMax = 2 * base::limits::kBatchBytesMax;
/// A page of values ends early, but not before its first one.
constexpr qsizetype kValuesAnswerMax = std::max(kListAnswerMax, kValueAnswerMax);

QByteArray listTarget(const ListQuery &query)
{
    QByteArray target = "/v1/keys?limit=" + QByteArray::number(query.limit);
    const auto add = [&target](const char *name, const QByteArray &value) {
        if (!value.isEmpty())
            target += '&' + (name + ('=' + value.toPercentEncoding()));
    };
    add("prefix", query.prefix);
    add("from", query.from);
    add("after", query.after);
    return target;
}

void addParameter(Request &request, const QByteArray &parameter)
{
    request.target += (request.target.contains('?') ? '&' : '?') + parameter;
}

template <typename T>
Answer<T> answerFrom(const Exchange &exchange)
{
    Answer<T> answer;
    answer.node = exchange.node;
    answer.latencyMs = exchange.latencyMs;
    answer.failure = exchange.failure;
    return answer;
}

} // namespace

QByteArray keyTarget(const QByteArray &key)
{
    if (key == "." || key == "..")
        return "/key?k64=" +
               key.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
    return "/key/" + base::api::toTargetSegment(key);
}

RestClient::RestClient(std::vector<base::Endpoint> seeds, QObject *parent)
    : QObject(parent)
    , m_nodes(std::move(seeds))
{
    m_network.setProxy(QNetworkProxy(QNetworkProxy::NoProxy));
    m_network.setAutoDeleteReplies(false);
}

void RestClient::use(const base::Endpoint &node)
{
    m_nodes.use(node);
}

template <typename T, typename Read>
void RestClient::send(Request request, QObject *context, Callback<T> done, Read read)
{
    request.mayFailOver = request.mayFailOver && m_failover;
    auto *call =
        new Call(m_network, std::move(request), m_nodes.candidates(NodeList::Time::clock::now()),
                 m_silenceTimeoutMs, this);
    call->start([this, context = QPointer<QObject>(context), done = std::move(done),
                 read](const Exchange &exchange) {
        Answer<T> answer = answerFrom<T>(exchange);
        if (exchange.status >= 200 && exchange.status < 300) {
            base::Result<T> value = read(exchange);
            if (value) {
                answer.value = *std::move(value);
            } else {
                answer.failure.kind = FailureKind::BadAnswer;
                answer.failure.message =
                    exchange.node.toString() +
                    " does not answer like a DynaKV node: " + value.error().message;
            }
        }
        const QPointer<RestClient> alive(this);
        learn(exchange);
        if (alive && context)
            done(answer);
    });
}

void RestClient::learn(const Exchange &exchange)
{
    const auto now = NodeList::Time::clock::now();
    for (const auto &failed : exchange.failed)
        m_nodes.markFailed(failed.first, now);
    if (exchange.status == 0)
        return;
    const base::Endpoint from = m_nodes.inUse();
    const bool wasRefusedForNow =
        !exchange.failed.empty() && exchange.failed.back().first == exchange.node;
    if (wasRefusedForNow)
        return;
    m_nodes.markAnswered(exchange.node);
    // A call that began with a node that is no longer in use tells nothing about the present one.
    if (exchange.node == from || exchange.failed.empty() || exchange.failed.front().first != from)
        return;
    m_nodes.use(exchange.node);
    Q_EMIT nodeChanged(from, exchange.node, exchange.failed.front().second);
}

void RestClient::learnMembers(const ClusterStatus &status)
{
    std::vector<base::Endpoint> members;
    for (const auto &member : status.members) {
        const auto address = base::parseEndpoint(member.address);
        if (address && !address->isWildcard() && member.state != "left")
            members.push_back(*address);
    }
    m_nodes.setMembers(members);
}

void RestClient::cluster(QObject *context, Callback<ClusterStatus> done)
{
    Request request;
    request.target = "/v1/cluster";
    request.answerBytesMax = kListAnswerMax;
    send<ClusterStatus>(
        std::move(request), context,
        [this, done = std::move(done)](const Answer<ClusterStatus> &answer) {
            if (answer.ok())
                learnMembers(*answer.value);
            done(answer);
        },
        readCluster);
}

void RestClient::keys(const QByteArray &prefix, const QByteArray &after, int limit,
                      QObject *context, Callback<KeyPage> done)
{
    Request request;
    request.target = listTarget({prefix, {}, after, limit});
    request.answerBytesMax = kListAnswerMax;
    send<KeyPage>(std::move(request), context, std::move(done), readPage);
}

void RestClient::values(const ListQuery &query, QObject *context, Callback<ValuePage> done)
{
    Request request;
    request.target = listTarget(query) + "&values=true";
    request.answerBytesMax = kValuesAnswerMax;
    send<ValuePage>(std::move(request), context, std::move(done), readValuePage);
}

void RestClient::get(const QByteArray &key, QObject *context, Callback<Value> done)
{
    Request request;
    request.target = keyTarget(key);
    addParameter(request, "meta=true");
    request.answerBytesMax = kValueAnswerMax;
    send<Value>(std::move(request), context, std::move(done), readValue);
}

void RestClient::put(const QByteArray &key, const Value &value, QObject *context,
                     Callback<Receipt> done)
{
    store({}, key, value, context, std::move(done));
}

void RestClient::replace(const QByteArray &key, const QByteArray &version, const Value &value,
                         QObject *context, Callback<Receipt> done)
{
    Request request;
    request.ifMatch = '"' + version + '"';
    store(std::move(request), key, value, context, std::move(done));
}

void RestClient::create(const QByteArray &key, const Value &value, QObject *context,
                        Callback<Receipt> done)
{
    Request request;
    request.ifNoneMatch = "*";
    store(std::move(request), key, value, context, std::move(done));
}

void RestClient::store(Request request, const QByteArray &key, const Value &value, QObject *context,
                       Callback<Receipt> done)
{
    request.method = Method::Put;
    request.target = keyTarget(key);
    request.answerBytesMax = kSmallAnswerMax;
    if (value.ttlSeconds > 0)
        addParameter(request, "ttl=" + QByteArray::number(value.ttlSeconds));
    if (value.isRaw) {
        addParameter(request, "raw");
        request.contentType = value.contentType.isEmpty() ? QByteArray("application/octet-stream")
                                                          : value.contentType;
        request.body = value.bytes;
    } else {
        request.contentType = "application/json";
        request.body = "{\"value\":" + value.bytes + "}";
    }
    if (!value.isRaw && !isOneValue(value.bytes)) {
        if (!context)
            return;
        Answer<Receipt> refused;
        refused.failure.kind = FailureKind::Refused;
        refused.failure.message = "the text is not one JSON value";
        QMetaObject::invokeMethod(
            context, [done = std::move(done), refused] { done(refused); }, Qt::QueuedConnection);
        return;
    }
    send<Receipt>(std::move(request), context, std::move(done), readReceipt);
}

void RestClient::batch(const QByteArray &lines, QObject *context,
                       Callback<std::vector<LineAnswer>> done)
{
    Request request;
    request.method = Method::Post;
    request.target = "/v1/batch";
    request.contentType = "application/x-ndjson";
    request.body = lines;
    request.answerBytesMax = kLinesAnswerMax;
    const auto read = [count = lines.count('\n')](
                          const Exchange &exchange) -> base::Result<std::vector<LineAnswer>> {
        auto answers = readLines(exchange);
        if (answers && static_cast<qsizetype>(answers->size()) != count)
            return base::Error{base::ErrorCode::Invalid, "the answer has another number of lines"};
        return answers;
    };
    send<std::vector<LineAnswer>>(std::move(request), context, std::move(done), read);
}

void RestClient::remove(const QByteArray &key, QObject *context, Callback<Receipt> done)
{
    Request request;
    request.method = Method::Delete;
    request.target = keyTarget(key);
    request.answerBytesMax = kSmallAnswerMax;
    send<Receipt>(std::move(request), context, std::move(done), readReceipt);
}

void RestClient::health(QObject *context, Callback<Health> done)
{
    Request request;
    request.target = "/readyz";
    request.answerBytesMax = kSmallAnswerMax;
    request.mayFailOver = false;
    const auto judge = [done = std::move(done)](const Answer<Health> &answer) {
        if (!answer.hasStatus(kUnavailable)) {
            done(answer);
            return;
        }
        Answer<Health> notReady = answer;
        notReady.value = Health{false, answer.failure.message};
        done(notReady);
    };
    send<Health>(std::move(request), context, judge, [](const Exchange &) -> base::Result<Health> {
        return Health{true, {}};
    });
}

} // namespace dynakv::client
