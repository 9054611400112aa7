// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/rest_client.h"

#include <QTest>

#include <memory>
#include <optional>
#include <vector>

namespace dynakv::test {

/// Receives one answer and lets the test wait for it.
template <typename T>
class Waiter : public QObject
{
public:
    client::Callback<T> callback()
    {
        return [this](const client::Answer<T> &answer) {
            ++m_calls;
            m_answer = answer;
        };
    }
    const client::Answer<T> &wait()
    {
        if (!QTest::qWaitFor([this] { return m_calls > 0; }, 20'000))
            qFatal("no answer came");
        return *m_answer;
    }
    [[nodiscard]] int calls() const { return m_calls; }

private:
    int m_calls = 0;
    std::optional<client::Answer<T>> m_answer;
};

/// One to which a machine that stands still for a moment is no silent node.
inline std::unique_ptr<client::RestClient> clientOf(std::vector<base::Endpoint> seeds)
{
    auto client = std::make_unique<client::RestClient>(std::move(seeds));
    client->setSilenceTimeoutMs(20'000);
    return client;
}

} // namespace dynakv::test
