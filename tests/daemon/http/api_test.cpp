// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/api_test.h"

namespace dynakv::test {

using http::HttpReply;
using http::HttpRequest;
using http::Method;

void ApiTest::init()
{
    m_api = std::make_unique<ApiFixture>(kNowMs, kValueBytesMax);
    m_clock = quint64{1'600'000'000'123} << 16;
}

HttpRequest ApiTest::request(Method method, const QByteArray &target)
{
    return requestFor(method, target);
}

HttpRequest ApiTest::put(const QByteArray &target, const QByteArray &body,
                         const QByteArray &contentType)
{
    HttpRequest put = request(Method::Put, target);
    put.hasBody = true;
    put.body = body;
    put.contentType = contentType;
    return put;
}

HttpReply ApiTest::reply(const HttpRequest &request)
{
    auto answer = http::route(request, m_api->context);
    HttpReply made{-1, {}, "a write", {}};
    if (const auto *reply = std::get_if<HttpReply>(&answer))
        made = *reply;
    if (const auto *read = std::get_if<http::PendingRead>(&answer)) {
        m_api->coordinator.read(read->request, [&made, read](const core::ReadOutcome &outcome) {
            made = read->toReply(outcome);
        });
    }
    if (const auto *listing = std::get_if<http::PendingListing>(&answer)) {
        m_api->coordinator.list(listing->request,
                                [&made, listing](const core::ListingOutcome &outcome) {
                                    made = listing->toReply(outcome);
                                });
    }
    return made;
}

HttpReply ApiTest::get(const QByteArray &target)
{
    return reply(request(Method::Get, target));
}

http::PendingWrite ApiTest::write(const HttpRequest &request)
{
    auto answer = http::route(request, m_api->context);
    if (auto *write = std::get_if<http::PendingWrite>(&answer))
        return *write;
    return {};
}

void ApiTest::store(const QByteArray &key, const QByteArray &value, const QByteArray &contentType,
                    qint64 expiresAtMs)
{
    m_api->table.apply(core::Record{
        key, core::RecordKind::Value, {++m_clock, 0xab}, expiresAtMs, contentType, {}, value});
}

} // namespace dynakv::test
