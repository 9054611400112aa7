// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// Clients that want nothing good, for SECONDS:
///   bench_crowd quiet PORT SECONDS HALF_OPEN IDLE   half a head each; one answer, then silence
///   bench_crowd heads|bodies PORT SECONDS COUNT     heads or chunked bodies that never end
/// Whoever is cut off comes again at once. `quiet` says "ready" when the server has met all.
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kWholeHead = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr std::string_view kHalfHead = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Ha";
constexpr std::string_view kBodyHead = "PUT /key/crowd HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                       "Transfer-Encoding: chunked\r\n\r\n";

/// What one client says: once when it is connected, and again for as long as it is let.
struct Script
{
    std::string first;
    std::string again;
};

struct Client
{
    Script script;
    int socket = -1;
    std::string unsent = {};
};

int connectTo(unsigned short port)
{
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
        ::close(socket);
        return -1;
    }
    ::fcntl(socket, F_SETFL, O_NONBLOCK);
    return socket;
}

/// False where the server has closed.
bool readAll(int socket)
{
    char buffer[4096];
    for (;;) {
        const ssize_t got = ::recv(socket, buffer, sizeof(buffer), 0);
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
}

bool write(Client &client)
{
    if (client.unsent.empty())
        client.unsent = client.script.again;
    const ssize_t sent =
        ::send(client.socket, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    client.unsent.erase(0, static_cast<std::size_t>(sent));
    return true;
}

void connectAnew(Client &client, unsigned short port)
{
    if (client.socket >= 0)
        ::close(client.socket);
    client.socket = connectTo(port);
    client.unsent = client.script.first;
    if (client.socket >= 0 && !client.unsent.empty())
        write(client);
}

/// Half a head gets none.
void waitForAnswer(const Client &client)
{
    pollfd polled{client.socket, POLLIN, 0};
    if (client.script.first == kWholeHead)
        ::poll(&polled, 1, 5000);
}

void run(std::vector<Client> &clients, unsigned short port, Clock::time_point end)
{
    std::vector<pollfd> polled(clients.size());
    while (Clock::now() < end) {
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const bool wantsToWrite =
                !clients[i].unsent.empty() || !clients[i].script.again.empty();
            polled[i] = {clients[i].socket,
                         static_cast<short>(POLLIN | (wantsToWrite ? POLLOUT : 0)), 0};
        }
        if (::poll(polled.data(), polled.size(), 100) < 0)
            return;
        for (std::size_t i = 0; i < clients.size(); ++i) {
            Client &client = clients[i];
            const short events = polled[i].revents;
            const bool isLost = client.socket < 0 || (events & (POLLERR | POLLHUP)) != 0 ||
                                ((events & POLLIN) != 0 && !readAll(client.socket)) ||
                                ((events & POLLOUT) != 0 && !write(client));
            if (isLost)
                connectAnew(client, port);
        }
    }
}

std::string repeated(std::string_view text, std::size_t bytes)
{
    std::string all;
    while (all.size() < bytes)
        all += text;
    return all;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string_view kind = argc > 1 ? argv[1] : "";
    const bool isQuiet = kind == "quiet";
    if (argc != (isQuiet ? 6 : 5) || (!isQuiet && kind != "heads" && kind != "bodies")) {
        std::fputs("usage: bench_crowd quiet PORT SECONDS HALF_OPEN IDLE\n"
                   "       bench_crowd heads|bodies PORT SECONDS COUNT\n",
                   stderr);
        return 2;
    }
    const auto port = static_cast<unsigned short>(std::atoi(argv[2]));
    const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[3]));

    std::vector<Client> clients;
    const auto add = [&clients](const char *count, const Script &script) {
        for (int i = 0; i < std::atoi(count); ++i)
            clients.push_back({script});
    };
    if (isQuiet) {
        add(argv[4], {std::string(kHalfHead), {}});
        add(argv[5], {std::string(kWholeHead), {}});
    } else if (kind == "heads") {
        add(argv[4], {"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n", repeated("X-A: b\r\n", 65536)});
    } else {
        add(argv[4],
            {std::string(kBodyHead), "10000\r\n" + repeated("0123456789abcdef", 65536) + "\r\n"});
    }
    rlimit files = {};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    for (Client &client : clients) {
        connectAnew(client, port);
        if (client.socket < 0) {
            std::fputs("cannot connect\n", stderr);
            return 1;
        }
    }
    if (isQuiet) {
        for (const Client &client : clients)
            waitForAnswer(client);
        std::puts("ready");
        std::fflush(stdout);
    }
    run(clients, port, end);
    return 0;
}
