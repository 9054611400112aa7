// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/server_fixture.h"

#include <QCoreApplication>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

/// What a watcher costs the node, and how soon all of them know of a change: a real front door and
/// a table in a process of their own, and so many plain sockets in this one.
///
///   bench_watch [WATCHERS [CHANGES]]
namespace {

using namespace dynakv;

[[noreturn]] void fail(const char *what)
{
    std::perror(what);
    std::exit(1);
}

qint64 nowNs()
{
    timespec time = {};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return qint64{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

qint64 residentBytes()
{
    long long pages = 0;
    std::FILE *file = std::fopen("/proc/self/statm", "r");
    if (!file || std::fscanf(file, "%*d %lld", &pages) != 1)
        fail("statm");
    std::fclose(file);
    return pages * ::sysconf(_SC_PAGESIZE);
}

/// The node's process: does what each byte says, and answers with a number.
void serve(int channel, int watchers)
{
    http::RestServerConfig config;
    config.door = http::FrontDoorConfig{};
    config.door->connectionsMax = watchers + 16;
    test::ServerFixture node(config);
    char command = 0;
    for (int i = 0; ::read(channel, &command, 1) == 1; ++i) {
        qint64 number = 0;
        if (command == 'p')
            number = node.server.port();
        if (command == 'm')
            number = residentBytes();
        if (command == 'c') {
            number = nowNs();
            node.put("key/" + QByteArray::number(i), R"({"some": "value"})");
        }
        if (::write(channel, &number, sizeof(number)) != sizeof(number))
            return;
    }
}

qint64 ask(int channel, char command)
{
    qint64 number = 0;
    if (::write(channel, &command, 1) != 1 ||
        ::read(channel, &number, sizeof(number)) != sizeof(number))
        fail("the node");
    return number;
}

/// The sockets of all watchers.
class Watchers
{
public:
    explicit Watchers(int count)
        : m_poll(::epoll_create1(0))
        , m_seen(static_cast<std::size_t>(count), 0)
    {
    }

    void connectAll(quint16 port)
    {
        const std::string request = "GET /v1/watch?prefix=key/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        for (std::size_t i = 0; i < m_seen.size(); ++i) {
            const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
            if (socket < 0 ||
                ::connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0 ||
                ::write(socket, request.data(), request.size()) !=
                    static_cast<ssize_t>(request.size()))
                fail("a watcher");
            epoll_event event = {};
            event.events = EPOLLIN;
            event.data.u64 = (static_cast<quint64>(i) << 32) | static_cast<quint32>(socket);
            ::epoll_ctl(m_poll, EPOLL_CTL_ADD, socket, &event);
        }
    }

    /// Reads until each has had \a events of them; when the median and the last one had.
    std::array<qint64, 2> waitForAll(int events)
    {
        std::size_t done = 0;
        std::array<qint64, 2> when = {};
        std::array<epoll_event, 256> ready;
        std::array<char, 16 * 1024> buffer;
        while (done < m_seen.size()) {
            const int count = ::epoll_wait(m_poll, ready.data(), ready.size(), 10'000);
            if (count <= 0)
                fail("no event in time");
            for (int i = 0; i < count; ++i) {
                const quint64 data = ready[static_cast<std::size_t>(i)].data.u64;
                const ssize_t bytes =
                    ::read(static_cast<int>(data & 0xffff'ffff), buffer.data(), buffer.size());
                if (bytes <= 0)
                    fail("a stream ended");
                int &seen = m_seen[data >> 32];
                const bool wasDone = seen >= events;
                seen += countOf({buffer.data(), static_cast<std::size_t>(bytes)});
                if (wasDone || seen < events)
                    continue;
                if (++done == m_seen.size() / 2)
                    when[0] = nowNs();
            }
        }
        when[1] = nowNs();
        std::fill(m_seen.begin(), m_seen.end(), 0);
        return when;
    }

private:
    /// Events that begin in \a text; comments do not.
    static int countOf(std::string_view text)
    {
        int count = 0;
        for (std::size_t at = 0; (at = text.find("event: ", at)) != std::string_view::npos; ++at)
            ++count;
        return count;
    }

    int m_poll;
    std::vector<int> m_seen;
};

void print(const char *name, double number, const char *unit, double target)
{
    std::printf("%-52s %9.2f %-9s target %.2f\n", name, number, unit, target);
}

} // namespace

int main(int argc, char **argv)
{
    const int watchers = argc > 1 ? std::atoi(argv[1]) : 5000;
    const int changes = argc > 2 ? std::atoi(argv[2]) : 100;
    rlimit files = {};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    std::array<int, 2> channel = {};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, channel.data()) != 0)
        fail("socketpair");
    if (::fork() == 0) {
        ::close(channel[0]);
        const QCoreApplication app(argc, argv);
        serve(channel[1], watchers);
        std::_Exit(0);
    }
    ::close(channel[1]);
    const int node = channel[0];

    Watchers all(watchers);
    const auto port = static_cast<quint16>(ask(node, 'p'));
    const qint64 before = ask(node, 'm');
    all.connectAll(port);
    all.waitForAll(1); // The bookmark.
    std::vector<double> median;
    std::vector<double> last;
    for (int i = 0; i < changes; ++i) {
        const qint64 start = ask(node, 'c');
        const auto [half, end] = all.waitForAll(1);
        median.push_back(static_cast<double>(half - start) / 1e6);
        last.push_back(static_cast<double>(end - start) / 1e6);
    }
    std::sort(median.begin(), median.end());
    std::sort(last.begin(), last.end());
    std::printf("%d watchers, %d changes one after the other\n", watchers, changes);
    print("memory of one", static_cast<double>(ask(node, 'm') - before) / watchers / 1024, "KiB",
          20);
    print("half of them know a change after, p50", median[median.size() / 2], "ms", 50);
    print("all of them, p50", last[last.size() / 2], "ms", 100);
    print("all of them, p99", last[last.size() * 99 / 100], "ms", 100);

    constexpr int burst = 1000;
    const qint64 start = nowNs();
    for (int i = 0; i < burst; ++i)
        ask(node, 'c');
    const auto [half, end] = all.waitForAll(burst);
    print("events told in a burst of 1000 changes",
          static_cast<double>(watchers) * burst / (static_cast<double>(end - start) / 1e9), "1/s",
          500'000);
    print("memory of one, after it", static_cast<double>(ask(node, 'm') - before) / watchers / 1024,
          "KiB", 20);
    return 0;
}
