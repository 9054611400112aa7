// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/http_room.h"

#include "daemon/http/http_compat.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/router.h"
#include "shared/base/request_scope.h"

#include <mutex>

namespace dynakv::http {

/// The way back into one HTTP thread, for as long as that has somebody at home. Completions keep it
/// alive, the room does not have to be.
class ReturnPath
{
public:
    explicit ReturnPath(base::Mailbox &mailbox)
        : m_mailbox(&mailbox)
    {
    }

    void post(base::Mailbox::Task task)
    {
        const std::lock_guard lock(m_mutex);
        if (m_mailbox)
            m_mailbox->post(std::move(task));
    }
    /// Nothing is posted after this.
    void close()
    {
        const std::lock_guard lock(m_mutex);
        m_mailbox = nullptr;
    }

private:
    std::mutex m_mutex;
    base::Mailbox *m_mailbox;
};

namespace {

/// More than one for each connection: clients that leave do not take their writes along.
constexpr std::size_t kWaitingMax = 8192;

base::Error listenError(const QTcpServer &server, const QHostAddress &address, quint16 port)
{
    const QByteArray where = address.toString().toUtf8() + " port " + QByteArray::number(port);
    switch (server.serverError()) {
    case QAbstractSocket::AddressInUseError:
        return {base::ErrorCode::Busy,
                where + " is in use by another program; stop that one or choose another port"};
    case QAbstractSocket::SocketAccessError:
        return {base::ErrorCode::Denied,
                "not allowed to listen on " + where +
                    "; ports below 1024 need a privilege, choose a higher one"};
    case QAbstractSocket::SocketAddressNotAvailableError:
        return {base::ErrorCode::Invalid,
                where + " is no address of this machine; listen on one of its own or on 0.0.0.0"};
    default:
        return {base::ErrorCode::Io,
                "cannot listen on " + where + ": " + server.errorString().toUtf8()};
    }
}

} // namespace

HttpRoom::HttpRoom(const FrontDoorConfig &config, const ApiContext &context, DoorCommons &commons,
                   base::Mailbox &mailbox)
    : m_context(context)
    , m_commons(commons)
    , m_config(config)
    , m_log(*context.metrics, context.process.slowRequestMs)
    , m_returnPath(std::make_shared<ReturnPath>(mailbox))
    , m_watches(context, config.watchBeatMs,
                [path = m_returnPath](base::Mailbox::Task task) { path->post(std::move(task)); })
{
    m_graceTimer.setSingleShot(true);
    QObject::connect(&m_graceTimer, &QTimer::timeout, &m_server, [this] { finishClosing(); });
}

HttpRoom::~HttpRoom()
{
    m_returnPath->close();
}

base::Result<quint16> HttpRoom::open(const QHostAddress &address, quint16 port)
{
    auto door = std::make_unique<FrontDoor>(m_config, m_context.metrics->door, m_commons);
    if (!door->listen(address, port))
        return listenError(*door, address, port);
    const quint16 bound = door->serverPort();
    if (const auto taken = bind(std::move(door)); !taken)
        return taken.error();
    return bound;
}

base::Result<void> HttpRoom::openBehind()
{
    return bind(std::make_unique<FrontDoor>(m_config, m_context.metrics->door, m_commons));
}

base::Result<void> HttpRoom::bind(std::unique_ptr<FrontDoor> door)
{
    m_door = door.get();
    // Deferred, because the door is destroyed in it.
    QObject::connect(
        m_door, &FrontDoor::drained, &m_server, [this] { finishClosing(); }, Qt::QueuedConnection);
    compat::setCatchAll(m_server, [this] {
        Connection *const client = m_door->delivering();
        if (const auto request = client ? client->takeRequest() : std::nullopt)
            serve(*client, *request);
    });
    if (!compat::bindTo(m_server, std::move(door))) {
        m_door = nullptr;
        return {base::ErrorCode::Io, "Qt's HTTP server did not take the listening socket"};
    }
    return {};
}

void HttpRoom::serve(Connection &client, const HttpRequest &request)
{
    const base::RequestScope scope(request.requestId);
    auto [made, endpoint] = dispatch(request, m_context);
    RequestTrace trace{endpoint, request.method, request.path, request.requestId,
                       m_door->deliveredUs()};
    if (auto *reply = std::get_if<HttpReply>(&made)) {
        answer(&client, trace, std::move(*reply));
        return;
    }
    if (auto *watch = std::get_if<PendingWatch>(&made)) {
        m_watches.watch(watch->request, client);
        answer(&client, trace, std::move(watch->head));
        return;
    }
    if (m_waiting.size() >= kWaitingMax) {
        answer(&client, trace,
               unavailableReply("overload",
                                "Too many requests wait for their outcome; nothing "
                                "was changed.",
                                trace.requestId));
        return;
    }
    const quint64 ticket = ++m_lastTicket;
    m_waiting.emplace(ticket, Waiting{&client, std::move(trace)});
    m_context.metrics->waitingRequests.add();
    if (auto *write = std::get_if<PendingWrite>(&made)) {
        m_context.coordinator.submit(std::move(write->request),
                                     returning(ticket, std::move(write->toReply)));
    } else if (auto *group = std::get_if<PendingGroup>(&made)) {
        m_context.coordinator.submitGroup(std::move(group->requests),
                                          returning(ticket, std::move(group->toReply)));
    } else if (auto *operation = std::get_if<PendingOperation>(&made)) {
        m_context.coordinator.operate(operation->request,
                                      returning(ticket, std::move(operation->toReply)));
    } else if (auto *asked = std::get_if<PendingQuestion>(&made)) {
        m_context.coordinator.askReplicas(std::move(asked->question),
                                          returning(ticket, std::move(asked->toReply)));
    } else if (auto *read = std::get_if<PendingRead>(&made)) {
        m_context.coordinator.read(std::move(read->request),
                                   returning(ticket, std::move(read->toReply)));
    } else if (auto *listing = std::get_if<PendingListing>(&made)) {
        m_context.coordinator.list(std::move(listing->request),
                                   returning(ticket, std::move(listing->toReply)));
    }
}

void HttpRoom::answer(Connection *client, const RequestTrace &trace, HttpReply reply)
{
    const int status = reply.status;
    if (client)
        client->answer(std::move(reply));
    m_log.answered(trace, status, m_door->nowUs());
}

/// A completion that takes the outcome to this thread, where it becomes the answer. It runs on the
/// node thread, and may be destroyed there: it holds values only.
template <typename Outcome>
std::function<void(Outcome)> HttpRoom::returning(quint64 ticket,
                                                 std::function<HttpReply(const Outcome &)> toReply)
{
    return [path = m_returnPath, room = weak_from_this(), ticket,
            toReply = std::move(toReply)](Outcome outcome) mutable {
        path->post([room, ticket, toReply = std::move(toReply), outcome = std::move(outcome)] {
            if (const auto self = room.lock())
                self->complete(ticket, toReply(outcome));
        });
    };
}

void HttpRoom::complete(quint64 ticket, HttpReply reply)
{
    auto waiting = m_waiting.extract(ticket);
    if (!waiting)
        return;
    m_context.metrics->waitingRequests.add(-1);
    const base::RequestScope scope(waiting.mapped().trace.requestId);
    answer(waiting.mapped().client, waiting.mapped().trace, std::move(reply));
}

void HttpRoom::close(int graceMs, std::function<void()> closed)
{
    m_closed = std::move(closed);
    m_graceTimer.start(graceMs);
    if (!m_door) {
        m_graceTimer.start(0);
        return;
    }
    m_watches.tellNews();
    m_door->drain();
    if (m_door->connectionCount() == 0)
        m_graceTimer.start(0);
}

void HttpRoom::finishClosing()
{
    if (!m_closed)
        return;
    m_graceTimer.stop();
    if (m_door)
        m_door->abortAll();
    const auto closed = std::exchange(m_closed, nullptr);
    closed();
}

} // namespace dynakv::http
