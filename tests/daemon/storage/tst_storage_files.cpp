// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_worker.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>

#include <cstdio>

#ifdef Q_OS_UNIX
#include <csignal>
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace dynakv;
using namespace dynakv::storage;

namespace {

core::Record makeRecord(quint64 number, qsizetype bytes = 50)
{
    core::Record record;
    record.key = "key" + QByteArray::number(number);
    record.version = {number + 1, 1};
    record.value = QByteArray(bytes, 'v');
    return record;
}

/// One opened storage and its table.
struct Node
{
    explicit Node(core::Durability durability = core::Durability::Sync)
        : worker(realFileSystem(), table, durability)
    {
    }

    store::Table table;
    StorageWorker worker;
};

QByteArray readAll(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("<unreadable>");
}

bool writeAll(const QString &path, const QByteArray &bytes)
{
    QFile file(path);
    return file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size();
}

/// What the test's own program does when it is started as a second process.
int openInChild(const QString &directory)
{
    Node node;
    const auto report = node.worker.open(directory);
    std::puts(report ? "open" : report.error().message.constData());
    return report ? 0 : 1;
}

int writeInChild(const QString &directory)
{
    Node node;
    if (!node.worker.open(directory))
        return 1;
    for (quint64 number = 0;; ++number) {
        if (!node.worker.commitAndWait({{makeRecord(number)}, {}}))
            return 1;
        std::printf("%llu\n", number);
        std::fflush(stdout);
    }
}

} // namespace

class TestStorageFiles : public QObject
{
    Q_OBJECT

private:
    [[nodiscard]] QString file() const { return m_directory + QStringLiteral("/storage.db"); }

    void found(int records)
    {
        Node node;
        QVERIFY(node.worker.open(m_directory));
        for (int i = 0; i < records; ++i)
            QVERIFY(node.worker.commitAndWait({{makeRecord(static_cast<quint64>(i))}, {}}));
    }

    std::unique_ptr<QTemporaryDir> m_temporary;
    QString m_directory;

private Q_SLOTS:
    void init()
    {
        m_temporary = std::make_unique<QTemporaryDir>();
        QVERIFY(m_temporary->isValid());
        m_directory = m_temporary->filePath(QStringLiteral("deep/data"));
    }

    void whatWasCommittedIsThereAfterARestart()
    {
        {
            Node node;
            const auto report = node.worker.open(m_directory);
            QVERIFY(report);
            QVERIFY(report->isNew);
            QVERIFY(node.worker.commitAndWait({{makeRecord(1)}, {{"identity", "me"}}}));
            QCOMPARE(node.table.find("key1"), std::optional(makeRecord(1)));
        }
        Node node;
        const auto report = node.worker.open(m_directory);
        QVERIFY(report);
        QVERIFY(!report->isNew);
        QCOMPARE(report->records, 1);
        QCOMPARE(report->tornBytes, 0);
        QCOMPARE(report->fileBytes, QFileInfo(file()).size());
        QCOMPARE(node.table.find("key1"), std::optional(makeRecord(1)));
        QCOMPARE(node.worker.metas(), (Metas{{"identity", "me"}}));
    }

    void nobodyElseMayReadIt()
    {
#ifdef Q_OS_UNIX
        found(1);
        constexpr auto kOwner = QFileDevice::ReadOwner | QFileDevice::WriteOwner;
        constexpr auto kUser = QFileDevice::ReadUser | QFileDevice::WriteUser;
        QCOMPARE(QFileInfo(file()).permissions(), kOwner | kUser);
        QCOMPARE(QFileInfo(m_directory).permissions(),
                 kOwner | kUser | QFileDevice::ExeOwner | QFileDevice::ExeUser);
#else
        QSKIP("access lists rule there");
#endif
    }

    void aSecondOpeningIsRefusedInThisProcessAndInAnother()
    {
        Node first;
        QVERIFY(first.worker.open(m_directory));
        Node second;
        const auto refused = second.worker.open(m_directory);
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, base::ErrorCode::Busy);
        QVERIFY(refused.error().message.contains(m_directory.toUtf8()));
        QVERIFY(refused.error().message.contains("--data-dir"));

        QProcess child;
        child.start(QCoreApplication::applicationFilePath(),
                    {QStringLiteral("--open"), m_directory});
        QVERIFY(child.waitForFinished());
        QCOMPARE(child.exitCode(), 1);
        QCOMPARE(child.readAllStandardOutput().trimmed(), refused.error().message);
    }

    void theLockGoesWithItsHolder()
    {
        found(1);
        Node node;
        QVERIFY(node.worker.open(m_directory));
    }

    void aKilledProcessLosesNothingAcknowledged()
    {
        QProcess child;
        child.start(QCoreApplication::applicationFilePath(),
                    {QStringLiteral("--write"), m_directory});
        QByteArray output;
        while (output.count('\n') < 100) {
            QVERIFY(child.waitForReadyRead());
            output += child.readAllStandardOutput();
        }
        child.kill();
        QVERIFY(child.waitForFinished());
        output += child.readAllStandardOutput();
        output.truncate(output.lastIndexOf('\n'));

        Node node;
        QVERIFY(node.worker.open(m_directory));
        const quint64 last = output.mid(output.lastIndexOf('\n') + 1).toULongLong();
        for (quint64 number = 0; number <= last; ++number)
            QVERIFY(node.table.find("key" + QByteArray::number(number)));
    }

    void whatIsNotOursIsRefusedAndLeftAsItIs_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<base::ErrorCode>("code");
        const QByteArray magic = QByteArray("\x89"
                                            "DYNDB\r\n\x1A\n",
                                            10);
        QTest::newRow("empty") << QByteArray() << base::ErrorCode::Corrupt;
        QTest::newRow("text") << QByteArray("hello") << base::ErrorCode::Corrupt;
        QTest::newRow("zeros") << QByteArray(10'000, '\0') << base::ErrorCode::Corrupt;
        QTest::newRow("cut superblock")
            << magic + QByteArray("\x01\0", 2) + QByteArray(100, '\0') << base::ErrorCode::Corrupt;
        QTest::newRow("preview format")
            << magic + QByteArray("\x00\0", 2) << base::ErrorCode::Unsupported;
        QTest::newRow("newer format")
            << magic + QByteArray("\x07\0", 2) << base::ErrorCode::Unsupported;
    }

    void whatIsNotOursIsRefusedAndLeftAsItIs()
    {
        QFETCH(QByteArray, content);
        QFETCH(base::ErrorCode, code);
        QVERIFY(QDir().mkpath(m_directory));
        QVERIFY(writeAll(file(), content));
        Node node;
        const auto report = node.worker.open(m_directory);
        QVERIFY(!report);
        QCOMPARE(report.error().code, code);
        QVERIFY(report.error().message.contains(file().toUtf8()));
        QCOMPARE(readAll(file()), content);
    }

    void aDirectoryInPlaceOfTheFileIsRefused()
    {
        QVERIFY(QDir().mkpath(file()));
        Node node;
        QVERIFY(!node.worker.open(m_directory));
    }

    void aFileInPlaceOfTheDirectoryIsRefused()
    {
        const QString path = m_temporary->filePath(QStringLiteral("file"));
        QVERIFY(writeAll(path, "x"));
        for (const QString &directory : {path, path + QStringLiteral("/below")}) {
            Node node;
            const auto report = node.worker.open(directory);
            QVERIFY(!report);
            QVERIFY2(report.error().message.contains(path.toUtf8()),
                     report.error().message.constData());
        }
        QCOMPARE(readAll(path), "x");
    }

    void aDirectoryWithoutWriteAccessIsRefusedByName()
    {
#ifdef Q_OS_UNIX
        if (::geteuid() == 0)
            QSKIP("the superuser may write everywhere");
        const QString path = m_temporary->filePath(QStringLiteral("shut"));
        QVERIFY(QDir().mkdir(path));
        QVERIFY(QFile::setPermissions(path, QFileDevice::ReadOwner | QFileDevice::ExeOwner));
        for (const QString &directory : {path, path + QStringLiteral("/below")}) {
            Node node;
            const auto report = node.worker.open(directory);
            QVERIFY(!report);
            QCOMPARE(report.error().code, base::ErrorCode::Denied);
            QVERIFY(report.error().message.contains(directory.toUtf8()));
        }
#else
        QSKIP("access lists rule there");
#endif
    }

    void aLostFileIsNotTakenForANewNode()
    {
        found(1);
        QVERIFY(QFile::rename(file(), m_directory + QStringLiteral("/storage.db.old")));
        Node node;
        const auto report = node.worker.open(m_directory);
        QVERIFY(!report);
        QCOMPARE(report.error().code, base::ErrorCode::Corrupt);
        QVERIFY(report.error().message.contains("storage.db.old"));
        QVERIFY(!QFile::exists(file()));
    }

    void aTornTailIsKeptAndReportedOnce()
    {
        found(3);
        const QByteArray whole = readAll(file());
        QVERIFY(writeAll(file(), whole + "torn"));
        for (int start = 0; start < 2; ++start) {
            Node node;
            const auto report = node.worker.open(m_directory);
            QVERIFY(report);
            QCOMPARE(report->records, 3);
            QCOMPARE(report->tornBytes, start == 0 ? 4 : 0);
            if (start == 0)
                QCOMPARE(readAll(report->tornKeptAt), "torn");
            QCOMPARE(readAll(file()), whole);
        }
    }

    void aFullDiskRefusesAndResumesByItself()
    {
#ifdef Q_OS_UNIX
        // A limit on the file's size makes write(2) behave as on a full disk: short, then an error.
        rlimit before = {};
        QCOMPARE(::getrlimit(RLIMIT_FSIZE, &before), 0);
        const auto oldHandler = std::signal(SIGXFSZ, SIG_IGN);
        {
            Node node;
            QVERIFY(node.worker.open(m_directory));
            QVERIFY(node.worker.commitAndWait({{makeRecord(1)}, {}}));
            const qint64 size = QFileInfo(file()).size();
            rlimit tight = before;
            tight.rlim_cur = static_cast<rlim_t>(size + 3000);
            QCOMPARE(::setrlimit(RLIMIT_FSIZE, &tight), 0);
            // Larger than the room that is reserved behind the log.
            const auto refused = node.worker.commitAndWait({{makeRecord(2, 3 << 20)}, {}});
            QVERIFY(!refused);
            QCOMPARE(refused.error().code, base::ErrorCode::NoSpace);
            QVERIFY(QFileInfo(file()).size() < size);
            QVERIFY(!node.table.find("key2"));
            QVERIFY(node.worker.commitAndWait({{makeRecord(3)}, {}}));
            QCOMPARE(::setrlimit(RLIMIT_FSIZE, &before), 0);
            QVERIFY(node.worker.commitAndWait({{makeRecord(4, 3 << 20)}, {}}));
        }
        std::signal(SIGXFSZ, oldHandler);
        Node node;
        const auto report = node.worker.open(m_directory);
        QVERIFY(report);
        QCOMPARE(report->records, 3);
        QCOMPARE(report->tornBytes, 0);
#else
        QSKIP("needs setrlimit");
#endif
    }

    void inMemoryModeThereIsNoFile()
    {
        Node node(core::Durability::Memory);
        QVERIFY(node.worker.open(m_directory));
        QVERIFY(node.worker.commitAndWait({{makeRecord(1)}, {}}));
        QVERIFY(node.table.find("key1"));
        QVERIFY(!QFile::exists(m_directory));
    }
};

int main(int argc, char *argv[])
{
    QCoreApplication application(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.value(1) == QStringLiteral("--open"))
        return openInChild(arguments.value(2));
    if (arguments.value(1) == QStringLiteral("--write"))
        return writeInChild(arguments.value(2));
    TestStorageFiles test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_storage_files.moc"
