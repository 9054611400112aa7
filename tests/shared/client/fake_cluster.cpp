// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/shared/client/fake_cluster.h"

#include "shared/base/api/cluster_status.h"
#include "shared/base/api/key_page.h"
#include "shared/base/api/key_text.h"
#include "shared/base/api/problem.h"
#include "shared/base/api/timestamp.h"
#include "shared/client/json_slice.h"

#include <QDateTime>
#include <QJsonDocument>

#include <algorithm>

namespace dynakv::test {
namespace {

constexpr qint64 kSomeTimeMs = 1'767'225'600'000; // 2026-01-01

QByteArray problem(int status, const QByteArray &code, const QByteArray &detail,
                   const QJsonObject &extra = {})
{
    const base::api::Problem body{status, code, code, detail, "req-1", extra};
    return FakeNode::response(status, base::api::toJsonBytes(body), {}, "application/problem+json");
}

QByteArray json(const QJsonObject &object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

QByteArray parameter(const QByteArray &query, const QByteArray &name)
{
    for (const QByteArray &pair : query.split('&')) {
        if (pair.startsWith(name + '='))
            return QByteArray::fromPercentEncoding(pair.sliced(name.size() + 1));
    }
    return {};
}

QByteArray nodeId(int index)
{
    return QByteArray::number(index + 1, 16).rightJustified(16, '0');
}

QByteArray synthetic(qint64 number)
{
    return "key:" + QByteArray::number(number).rightJustified(8, '0');
}

QByteArray valueMembers(const client::Value &value)
{
    const qint64 expiry = QDateTime::currentMSecsSinceEpoch() + value.ttlSeconds * 1000;
    const QByteArray meta =
        value.ttlSeconds > 0 ? R"(,"expires_at":")" + base::api::toTimestamp(expiry) + '"' : "";
    if (!value.isRaw)
        return "\"value\": " + value.bytes + meta;
    return "\"value\":\"" + value.bytes.toBase64() + R"(","encoding":"base64","content_type":")" +
           value.contentType + '"' + meta;
}

} // namespace

FakeCluster::FakeCluster(int nodeCount)
{
    for (int i = 0; i < nodeCount; ++i) {
        m_nodes.push_back(std::make_unique<FakeNode>(
            [this, i](const FakeRequest &request) { return answer(i, request); }));
        m_states.push_back("alive");
    }
}

base::Endpoint FakeCluster::endpoint(int index) const
{
    return m_nodes[static_cast<std::size_t>(index)]->endpoint();
}

void FakeCluster::kill(int index)
{
    node(index).kill();
    setState(index, "down");
}

void FakeCluster::revive(int index)
{
    node(index).revive();
    setState(index, "alive");
}

void FakeCluster::setState(int index, const QByteArray &state)
{
    m_states[static_cast<std::size_t>(index)] = state;
}

void FakeCluster::put(const QByteArray &key, const client::Value &value)
{
    client::Value &stored = m_table[key];
    stored = value;
    stored.version = QByteArray::number(++m_versions, 16).rightJustified(16, '0') + '-' + nodeId(0);
}

const client::Value *FakeCluster::find(const QByteArray &key) const
{
    const auto it = m_table.find(key);
    return it == m_table.end() ? nullptr : &it->second;
}

QByteArray FakeCluster::answer(int index, const FakeRequest &request)
{
    const qsizetype mark = request.target.indexOf('?');
    const QByteArray path = mark < 0 ? request.target : request.target.first(mark);
    const QByteArray query = mark < 0 ? QByteArray() : request.target.sliced(mark + 1);
    if (path == "/v1/cluster")
        return FakeNode::response(200, answerCluster(index));
    if (path == "/v1/keys")
        return answerList(query);
    if (path == "/v1/batch" && request.method == "POST")
        return answerBatch(request.body);
    if (path == "/readyz")
        return FakeNode::response(200, "ready\n", {}, "text/plain");
    if (path == "/key") {
        const QByteArray encoded = parameter(query, "k64");
        return answerKey(QByteArray::fromBase64(encoded, QByteArray::Base64UrlEncoding), request,
                         query);
    }
    if (path.startsWith("/key/"))
        return answerKey(*base::api::percentDecoded(path.sliced(5)), request, query);
    return problem(404, "no_such_path", "there is nothing at this path");
}

QByteArray FakeCluster::answerKey(const QByteArray &key, const FakeRequest &request,
                                  const QByteArray &query)
{
    if (request.method == "PUT")
        return answerPut(key, request, query);
    if (request.method == "DELETE") {
        const bool existed = m_table.erase(key) > 0;
        return FakeNode::response(200, json({{QStringLiteral("existed"), existed},
                                             {QStringLiteral("version"), QStringLiteral("v")}}));
    }
    const client::Value *value = find(key);
    if (!value)
        return problem(404, "not_found", "the key does not exist");
    const QByteArray body = '{' + valueMembers(*value) + '}';
    return FakeNode::response(200, body, "ETag: \"" + value->version + "\"\r\n");
}

QByteArray FakeCluster::answerPut(const QByteArray &key, const FakeRequest &request,
                                  const QByteArray &query)
{
    const client::Value *const stored = find(key);
    if (request.headers.value("if-none-match") == "*" && stored)
        return problem(412, "precondition_failed", "the key exists");
    const QByteArray wanted = request.headers.value("if-match");
    if (!wanted.isEmpty() && m_home == Home::IsGone)
        return problem(503, "not_ready", "the home is not reached");
    if (!wanted.isEmpty() && (!stored || wanted != '"' + stored->version + '"')) {
        const QString version = stored ? QString::fromLatin1(stored->version) : QString();
        return problem(412, "precondition_failed", "the value does not fit",
                       {{QStringLiteral("version"),
                         stored ? QJsonValue(version) : QJsonValue(QJsonValue::Null)}});
    }
    if (query.split('&').contains("raw")) {
        put(key, {request.body, true, request.headers.value("content-type"), {}});
    } else {
        const auto text = client::memberText(request.body, "value");
        if (!text)
            return problem(400, "bad_json", "the body has no member 'value'");
        putJson(key, text->toByteArray());
    }
    m_table[key].ttlSeconds = parameter(query, "ttl").toInt();
    if (!wanted.isEmpty() && m_home == Home::ForgetsToAnswer)
        return problem(503, "not_ready", "the home was lost on the way",
                       {{QStringLiteral("outcome"), QStringLiteral("unknown")}});
    const QByteArray version = find(key)->version;
    return FakeNode::response(200, "{\"version\":\"" + version + "\"}",
                              "ETag: \"" + version +
                                  "\"\r\nDynaKV-Durability: sync; replicas=1/1\r\n");
}

/// Puts only.
QByteArray FakeCluster::answerBatch(const QByteArray &body)
{
    QByteArray answers;
    for (const QByteArray &line : body.chopped(1).split('\n')) {
        const QJsonObject object = QJsonDocument::fromJson(line).object();
        const QByteArray key = *base::api::takeKey(object);
        if (object.contains(QLatin1String("if_none_match")) && find(key)) {
            answers +=
                R"({"status":412,"error":{"code":"precondition_failed","detail":"is there"}})";
        } else {
            const QByteArray bytes = object[QLatin1String("value_b64")].toString().toLatin1();
            const QByteArray type = object[QLatin1String("content_type")].toString().toUtf8();
            if (object.contains(QLatin1String("value_b64")))
                put(key, {QByteArray::fromBase64(bytes), true, type, {}});
            else
                putJson(key, client::memberText(line, "value")->toByteArray());
            answers += R"({"status":200,"version":")" + find(key)->version + "\"}";
        }
        answers += '\n';
    }
    return FakeNode::response(200, answers, {}, "application/x-ndjson");
}

QByteArray FakeCluster::answerList(const QByteArray &query)
{
    ++m_listings;
    const QByteArray prefix = parameter(query, "prefix");
    const QByteArray start = std::max(prefix, parameter(query, "from"));
    const QByteArray after = QByteArray::fromHex(parameter(query, "after"));
    const int limit = std::max(parameter(query, "limit").toInt(), 1);
    base::api::KeyPage page;
    bool isMore = false;
    const auto add = [&](const QByteArray &key, const QByteArray &version, qint64 size) {
        isMore = static_cast<int>(page.keys.size()) == limit;
        if (!isMore)
            page.keys.push_back({key, version, size, kSomeTimeMs, std::nullopt});
        return !isMore;
    };
    if (m_syntheticKeys > 0) {
        page.totalEstimate = m_syntheticKeys;
        qint64 number = after.isEmpty() ? 0 : after.sliced(4).toLongLong() + 1;
        while (number < m_syntheticKeys && add(synthetic(number), "0001-0001", 100))
            ++number;
    } else {
        for (auto it = m_table.lower_bound(prefix); it != m_table.end(); ++it)
            page.totalEstimate += it->first.startsWith(prefix) ? 1 : 0;
        auto it = after.isEmpty() ? m_table.lower_bound(start) : m_table.upper_bound(after);
        while (it != m_table.end() && it->first.startsWith(prefix) &&
               add(it->first, it->second.version, it->second.bytes.size()))
            ++it;
    }
    if (isMore)
        page.next = page.keys.back().key.toHex();
    if (parameter(query, "values") != "true")
        return FakeNode::response(200, json(toJson(page)));
    QByteArray entries;
    for (const base::api::KeyEntry &entry : page.keys) {
        QByteArray text = json(toJson(entry));
        text.chop(1);
        entries +=
            (entries.isEmpty() ? "" : ", ") + text + ", " + valueMembers(*find(entry.key)) + '}';
    }
    page.keys.clear();
    QByteArray body = json(toJson(page));
    body.replace("\"keys\":[]", "\"keys\": [" + entries + ']');
    return FakeNode::response(200, body);
}

QByteArray FakeCluster::answerCluster(int index) const
{
    base::api::ClusterStatus status;
    status.clusterId = "00000000000000c1";
    status.nodeId = nodeId(index);
    status.state = "ready";
    for (std::size_t i = 0; i < m_nodes.size(); ++i) {
        base::api::MemberStatus member;
        member.id = nodeId(static_cast<int>(i));
        const base::Endpoint endpoint = m_nodes[i]->endpoint();
        member.address = endpoint.toString();
        member.clusterAddress =
            base::Endpoint{endpoint.host, base::defaultClusterPort(endpoint.port)}.toString();
        member.state = m_states[i];
        member.sinceMs = kSomeTimeMs;
        member.isSelf = static_cast<int>(i) == index;
        member.version = "0.1.0";
        member.keys = std::max<qint64>(m_syntheticKeys, qint64(m_table.size()));
        member.bytes = *member.keys * 120;
        if (!member.isSelf)
            member.rttMs = 0.4;
        status.members.push_back(member);
    }
    return json(toJson(status));
}

} // namespace dynakv::test
