// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/transport.h"

#include "daemon/cluster/link.h"
#include "daemon/cluster/node_clock.h"
#include "shared/base/limits.h"

#include <QHostAddress>
#include <QHostInfo>
#include <QLoggingCategory>
#include <QNetworkProxy>
#include <QRandomGenerator>
#include <QTcpSocket>
#include <QTimer>

#include <algorithm>
#include <array>

Q_LOGGING_CATEGORY(lcTransport, "dynakv.cluster.transport")

namespace dynakv::cluster {
namespace {

constexpr std::ptrdiff_t kStrangersMax = 64;
/// A full mesh, and some for links that are being replaced.
constexpr std::size_t kLinksMax = std::size_t{base::limits::kMembersMax} + 128;
/// After the system had no descriptor left.
constexpr int kAcceptPauseMs = 1000;

/// Null where the name is unknown. Looks a name up, which may block: for start-up only.
QHostAddress addressOf(const QByteArray &host)
{
    if (host == "::")
        return QHostAddress(QHostAddress::Any); // Both families, as elsewhere.
    const QHostAddress literal(QString::fromLatin1(host));
    if (!literal.isNull())
        return literal;
    const QList<QHostAddress> found = QHostInfo::fromName(QString::fromLatin1(host)).addresses();
    return found.isEmpty() ? QHostAddress() : found.first();
}

base::Error listenError(const QTcpServer &server, const base::Endpoint &address)
{
    using base::ErrorCode;
    const QByteArray where = address.toString();
    switch (server.serverError()) {
    case QAbstractSocket::AddressInUseError:
        return {ErrorCode::Busy, "another process listens on " + where +
                                     "; choose another port with --cluster-port"};
    case QAbstractSocket::SocketAccessError:
        return {ErrorCode::Denied, "the system does not allow listening on " + where +
                                       "; choose a port above 1023 with --cluster-port"};
    case QAbstractSocket::SocketAddressNotAvailableError:
        return {ErrorCode::Invalid, "this machine has no address " + address.host +
                                        "; listen on one of its own or on 0.0.0.0"};
    default:
        return {ErrorCode::Unavailable,
                "cannot listen on " + where + ": " + server.errorString().toUtf8()};
    }
}

QByteArray newNonce()
{
    std::array<quint32, kNonceBytes / sizeof(quint32)> words;
    QRandomGenerator::system()->fillRange(words.data(), static_cast<qsizetype>(words.size()));
    return {reinterpret_cast<const char *>(words.data()), kNonceBytes};
}

} // namespace

Transport::Transport(Report report, QByteArray secret, QObject *parent)
    : QObject(parent)
    , m_report(std::move(report))
    , m_secret(std::move(secret))
{
    m_counts.messages.resize(std::variant_size_v<core::Message>);
    for (std::size_t kind = 0; kind < m_counts.messages.size(); ++kind)
        m_counts.messages[kind].kind = core::kindName(kind);
    m_server.setProxy(QNetworkProxy::NoProxy);
    connect(&m_server, &QTcpServer::newConnection, this, &Transport::accept);
    connect(&m_server, &QTcpServer::acceptError, this, [this] {
        // Qt stops accepting then; the descriptors may be free again soon.
        complain("a peer", "accepting it failed: " + m_server.errorString().toUtf8());
        QTimer::singleShot(kAcceptPauseMs, this, [this] { m_server.resumeAccepting(); });
    });
    connect(&m_dials, &DialPool::connected, this,
            [this](core::DialId dial, QTcpSocket *socket) { open(socket, false, dial); });
    connect(&m_dials, &DialPool::failed, this,
            [this](core::DialId dial, core::DialFailed::Reason reason) {
                ++m_counts.dialsFailed;
                m_report(core::DialFailed{dial, reason});
            });
}

base::Result<void> Transport::listen(const base::Endpoint &address)
{
    const QHostAddress host = addressOf(address.host);
    if (host.isNull()) {
        return {base::ErrorCode::Invalid, "the host '" + address.host +
                                              "' to listen on is unknown; use one of this "
                                              "machine's addresses"};
    }
    if (!m_server.listen(host, address.port))
        return listenError(m_server, address);
    return {};
}

void Transport::dial(core::DialId id, const base::Endpoint &target)
{
    if (m_isStopping || target.isEmpty() || target.port == 0)
        m_report(core::DialFailed{id, core::DialFailed::Reason::Other});
    else
        m_dials.dial(id, target);
}

void Transport::send(core::LinkId link, const core::Message &message)
{
    const auto found = m_links.find(link);
    if (found == m_links.end())
        return;
    ++m_counts.messages[message.index()].sent;
    found->second.link->send(message);
}

void Transport::close(core::LinkId link)
{
    const auto found = m_links.find(link);
    if (found == m_links.end())
        return;
    found->second.isReported = false;
    found->second.link->closeWhenFlushed();
}

void Transport::setPaused(bool isPaused)
{
    m_isPaused = isPaused;
    for (const auto &[id, entry] : m_links)
        entry.link->setPaused(isPaused);
}

void Transport::stopOpening()
{
    m_isStopping = true;
    m_server.close();
}

void Transport::closeAll()
{
    std::vector<core::LinkId> ids;
    for (const auto &[id, entry] : m_links)
        ids.push_back(id);
    for (const core::LinkId id : ids)
        close(id);
}

void Transport::accept()
{
    while (QTcpSocket *socket = m_server.nextPendingConnection()) {
        if (m_links.size() >= kLinksMax) {
            complain("a peer", "there are " + QByteArray::number(kLinksMax) + " links already");
            socket->abort();
            socket->deleteLater();
            continue;
        }
        makeRoom();
        open(socket, true, 0);
    }
}

/// A peer that means it says Hello within milliseconds, so that the oldest without is the one that
/// does not.
void Transport::makeRoom()
{
    const auto isStranger = [](const auto &each) {
        return each.second.isIncoming && each.second.isReported && !each.second.link->hasHello();
    };
    if (std::count_if(m_links.begin(), m_links.end(), isStranger) < kStrangersMax)
        return;
    const auto oldest = std::find_if(m_links.begin(), m_links.end(), isStranger);
    Link *link = oldest->second.link;
    forget(link->id(), "too many peers connect without introducing themselves");
}

void Transport::open(QTcpSocket *socket, bool isIncoming, core::DialId dial)
{
    if (m_isStopping) {
        socket->abort();
        socket->deleteLater();
        return;
    }
    std::optional<LinkSeal> seal;
    if (!m_secret.isEmpty())
        seal.emplace(m_secret, !isIncoming, newNonce());
    auto *link = new Link(++m_lastLink, socket, std::move(seal), this);
    const core::LinkId id = link->id();
    m_links.emplace(id, Entry{link, isIncoming});
    connect(link, &Link::received, this, [this, id](const core::Message &message) {
        ++m_counts.messages[message.index()].received;
        m_report(core::Received{id, message});
    });
    connect(link, &Link::overflowed, this, [this, id] {
        ++m_counts.overflows;
        m_report(core::LinkOverflowed{id});
    });
    connect(link, &Link::closed, this, [this, id](const QByteArray &fault) { forget(id, fault); });
    link->start();
    link->setPaused(m_isPaused);
    m_report(core::LinkOpened{id, !isIncoming, dial, link->localHost(), link->peerHost()});
}

void Transport::forget(core::LinkId id, const QByteArray &fault)
{
    const auto found = m_links.find(id);
    if (found == m_links.end())
        return;
    const Entry entry = found->second;
    m_links.erase(found);
    entry.link->disconnect(this);
    entry.link->deleteLater();
    m_counts.bytesSent += entry.link->bytesSent();
    m_counts.bytesReceived += entry.link->bytesReceived();
    if (!fault.isEmpty()) {
        ++m_counts.faults;
        complain(entry.link->peerText(), fault);
    }
    if (entry.isReported)
        m_report(core::LinkClosed{id});
}

core::TrafficCounts Transport::counts() const
{
    core::TrafficCounts counts = m_counts;
    for (const auto &[id, entry] : m_links) {
        counts.bytesSent += entry.link->bytesSent();
        counts.bytesReceived += entry.link->bytesReceived();
    }
    counts.links = static_cast<qint64>(m_links.size());
    return counts;
}

void Transport::complain(const QByteArray &peer, const QByteArray &fault)
{
    const auto keptBack = m_complaints.admit(monotonicMs());
    if (!keptBack)
        return;
    const QByteArray more =
        *keptBack == 0 ? QByteArray() : " (" + QByteArray::number(*keptBack) + " more like it)";
    qCWarning(lcTransport).noquote()
        << QString::fromUtf8("closed the link with " + peer + ": " + fault + more);
}

} // namespace dynakv::cluster
