// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/rest_server.h"
#include "daemon/store/table.h"
#include "tests/daemon/http/fake_coordinator.h"
#include "tests/daemon/http/fake_file_keeper.h"

#include <functional>

namespace dynakv::test {

inline http::RestServerConfig withDoor(const std::function<void(http::FrontDoorConfig &)> &change)
{
    http::RestServerConfig config;
    config.door.emplace();
    change(*config.door);
    return config;
}

/// A real RestServer on a port of its own, with a real table and a fake node behind it.
struct ServerFixture
{
    static constexpr quint64 kBoot = 0xb007;

    explicit ServerFixture(http::RestServerConfig config = {})
        : server(withAddress(std::move(config)), table, coordinator, file)
    {
        table.startChanges(kBoot, 0);
        isUp = server.start().ok();
    }

    static http::RestServerConfig withAddress(http::RestServerConfig config)
    {
        config.listen = {"127.0.0.1", 0};
        config.programVersion = "1.2.3";
        return config;
    }

    /// A live value under \a key, as a peer would have sent it.
    void put(const QByteArray &key, const QByteArray &value, const QByteArray &contentType = {},
             qint64 expiresAtMs = 0)
    {
        table.apply(core::Record{
            key, core::RecordKind::Value, {++clock, 0xab}, expiresAtMs, contentType, {}, value});
    }

    store::Table table = {};
    quint64 clock = quint64{1'600'000'000'000} << 16;
    FakeCoordinator coordinator{table};
    FakeFileKeeper file = {};
    http::RestServer server;
    bool isUp = false;
};

} // namespace dynakv::test
