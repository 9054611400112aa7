// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/service.h"

#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace dynakv;

namespace {

/// The receiving end that systemd would have.
class NotifySocket
{
public:
    /// \a path as it stands in the environment: `@` begins an abstract name.
    explicit NotifySocket(const QByteArray &path)
        : m_fd(::socket(AF_UNIX, SOCK_DGRAM, 0))
    {
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.constData(), static_cast<std::size_t>(path.size()));
        if (path.startsWith('@'))
            address.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                                   static_cast<std::size_t>(path.size()));
        m_isBound = ::bind(m_fd, reinterpret_cast<const sockaddr *>(&address), length) == 0;
    }
    ~NotifySocket() { ::close(m_fd); }
    Q_DISABLE_COPY_MOVE(NotifySocket)

    bool isBound() const { return m_isBound; }
    QByteArray receive() const
    {
        std::array<char, 512> buffer = {};
        const ssize_t size = ::recv(m_fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size > 0 ? QByteArray(buffer.data(), size) : QByteArray();
    }

private:
    int m_fd = -1;
    bool m_isBound = false;
};

} // namespace

class TestService : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void cleanup();
    void theManagerIsToldThroughItsSocket_data();
    void theManagerIsToldThroughItsSocket();
    void withoutAManagerNothingHappens_data();
    void withoutAManagerNothingHappens();
    void theJournalIsKnownByDeviceAndInode();
    void newFilesArePrivate();

private:
    QTemporaryDir m_directory;
};

void TestService::cleanup()
{
    qunsetenv("NOTIFY_SOCKET");
    qunsetenv("JOURNAL_STREAM");
}

void TestService::theManagerIsToldThroughItsSocket_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::newRow("file") << m_directory.filePath(QStringLiteral("notify")).toUtf8();
    QTest::newRow("abstract") << "@dynakv-test-" + QByteArray::number(::getpid());
}

void TestService::theManagerIsToldThroughItsSocket()
{
    QFETCH(const QByteArray, path);
    const NotifySocket manager(path);
    QVERIFY(manager.isBound());
    qputenv("NOTIFY_SOCKET", path);
    app::notifyServiceManager("READY=1");
    QCOMPARE(manager.receive(), QByteArray("READY=1"));
    app::notifyServiceManager("STATUS=a\nSTOPPING=1");
    QCOMPARE(manager.receive(), QByteArray("STATUS=a\nSTOPPING=1"));
}

void TestService::withoutAManagerNothingHappens_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::newRow("none") << QByteArray();
    QTest::newRow("no such socket") << QByteArray("/nonexistent/notify");
    QTest::newRow("too long") << "/" + QByteArray(200, 'x');
    QTest::newRow("no path") << QByteArray("notify");
}

void TestService::withoutAManagerNothingHappens()
{
    QFETCH(const QByteArray, path);
    qputenv("NOTIFY_SOCKET", path);
    app::notifyServiceManager("READY=1"); // Neither blocks nor ends the process.
}

void TestService::theJournalIsKnownByDeviceAndInode()
{
    QVERIFY(!app::isStderrJournal());
    struct stat status = {};
    QCOMPARE(::fstat(STDERR_FILENO, &status), 0);
    qputenv("JOURNAL_STREAM", QByteArray::number(qulonglong{status.st_dev}) + ':' +
                                  QByteArray::number(qulonglong{status.st_ino}));
    QVERIFY(app::isStderrJournal());
    qputenv("JOURNAL_STREAM", "1:2"); // It was redirected since.
    QVERIFY(!app::isStderrJournal());
}

void TestService::newFilesArePrivate()
{
    const mode_t before = ::umask(022);
    app::keepFilesPrivate();
    QCOMPARE(::umask(before), mode_t{077});
}

QTEST_APPLESS_MAIN(TestService)
#include "tst_service.moc"
