// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

/// What tests/bench/cluster.sh asks of a running cluster, by plain sockets:
///
///   bench_replication fill PORT KEYS        that many values of 100 bytes, in batches of 1000
///   bench_replication visible WRITES PORT PORT...
///       writes to the first node, one every 5 ms, and waits for each on a stream of events of
///       every node: how long after it was sent all of them have told of it
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string &what)
{
    std::fprintf(stderr, "bench_replication: %s\n", what.c_str());
    std::exit(1);
}

class Client
{
public:
    explicit Client(int port)
        : m_socket(::socket(AF_INET, SOCK_STREAM, 0))
    {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int yes = 1;
        ::setsockopt(m_socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        if (::connect(m_socket, reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0)
            fail("nobody listens on port " + std::to_string(port));
    }

    void send(const std::string &bytes) const
    {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const ssize_t more = ::send(m_socket, bytes.data() + sent, bytes.size() - sent, 0);
            if (more <= 0)
                fail("a connection broke");
            sent += static_cast<std::size_t>(more);
        }
    }
    /// Until \a text has come; everything up to its end is forgotten.
    void waitFor(const std::string &text)
    {
        std::size_t at = 0;
        while ((at = m_received.find(text)) == std::string::npos) {
            pollfd ready{m_socket, POLLIN, 0};
            std::array<char, 65536> buffer;
            const ssize_t bytes = ::poll(&ready, 1, 10'000) == 1
                                      ? ::recv(m_socket, buffer.data(), buffer.size(), 0)
                                      : -1;
            if (bytes <= 0)
                fail("no '" + text + "' came, but: " + m_received.substr(0, 300));
            m_received.append(buffer.data(), static_cast<std::size_t>(bytes));
        }
        m_received.erase(0, at + text.size());
    }
    /// The head and the body of an answer with a length; it must be a 200.
    void waitForAnswer()
    {
        waitFor("HTTP/1.1 200 OK\r\n");
        waitFor("Content-Length: ");
        while (m_received.find("\r\n\r\n") == std::string::npos)
            receiveMore();
        const auto length = static_cast<std::size_t>(std::atoll(m_received.c_str()));
        m_received.erase(0, m_received.find("\r\n\r\n") + 4);
        while (m_received.size() < length)
            receiveMore();
        m_received.erase(0, length);
    }

private:
    void receiveMore()
    {
        std::array<char, 65536> buffer;
        const ssize_t bytes = ::recv(m_socket, buffer.data(), buffer.size(), 0);
        if (bytes <= 0)
            fail("a connection broke");
        m_received.append(buffer.data(), static_cast<std::size_t>(bytes));
    }

    int m_socket;
    std::string m_received;
};

std::string request(const std::string &line, const std::string &type, const std::string &body)
{
    return line + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void fill(int port, int keys)
{
    constexpr int kBatch = 1000;
    const std::string value(100, 'v');
    Client client(port);
    for (int i = 0; i < keys; i += kBatch) {
        std::string body;
        for (int line = i; line < std::min(keys, i + kBatch); ++line) {
            std::array<char, 32> key;
            std::snprintf(key.data(), key.size(), "fill-%012d", line);
            body += std::string(R"({"op":"put","key":")") + key.data() + R"(","value":")" + value +
                    "\"}\n";
        }
        client.send(request("POST /v1/batch", "application/x-ndjson", body));
        client.waitForAnswer();
    }
}

void visible(int writes, const std::vector<int> &ports)
{
    std::vector<Client> watchers;
    for (const int port : ports) {
        watchers.emplace_back(port);
        watchers.back().send("GET /v1/watch?prefix=probe/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
        watchers.back().waitFor("\r\n\r\n");
    }
    Client writer(ports.front());
    std::vector<double> tookMs;
    const std::string run = std::to_string(::getpid());
    for (int i = 0; i < writes; ++i) {
        const std::string key = "probe/" + run + '-' + std::to_string(i) + '.';
        const auto start = Clock::now();
        writer.send(request("PUT /key/" + key, "application/json", R"({"value":1})"));
        for (Client &watcher : watchers)
            watcher.waitFor('"' + key + '"');
        tookMs.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        writer.waitForAnswer();
        std::this_thread::sleep_until(start + std::chrono::milliseconds(5));
    }
    std::sort(tookMs.begin(), tookMs.end());
    const auto at = [&tookMs](double share) {
        return tookMs[static_cast<std::size_t>(share * static_cast<double>(tookMs.size() - 1))];
    };
    std::printf("p50 %.2f ms, p99 %.2f ms, at most %.2f ms (%d writes)\n", at(0.5), at(0.99),
                tookMs.back(), writes);
}

} // namespace

int main(int argc, char **argv)
{
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "fill" && argc == 4) {
        fill(std::atoi(argv[2]), std::atoi(argv[3]));
        return 0;
    }
    if (what == "visible" && argc > 3) {
        std::vector<int> ports;
        for (int i = 3; i < argc; ++i)
            ports.push_back(std::atoi(argv[i]));
        visible(std::max(1, std::atoi(argv[2])), ports);
        return 0;
    }
    std::fputs("usage: bench_replication fill PORT KEYS | visible WRITES PORT PORT...\n", stderr);
    return 2;
}
