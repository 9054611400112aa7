// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/cluster_secret.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using dynakv::app::readClusterSecret;

/// What is taken for the secret of a cluster, and what is not.
class TestSecretFile : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void secretsComeFromFiles_data();
    void secretsComeFromFiles();
};

void TestSecretFile::secretsComeFromFiles_data()
{
    QTest::addColumn<QByteArray>("content");
    QTest::addColumn<QByteArray>("secret"); ///< Empty: refused.
    const QByteArray good(16, 's');
    QTest::newRow("16 bytes") << good << good;
    QTest::newRow("a line") << good + '\n' << good;
    QTest::newRow("bytes") << QByteArray("\0\xff", 2) + good << QByteArray("\0\xff", 2) + good;
    QTest::newRow("4096 bytes") << QByteArray(4096, 's') + "\r\n" << QByteArray(4096, 's');
    QTest::newRow("15 bytes") << good.first(15) + '\n' << QByteArray();
    QTest::newRow("nothing") << QByteArray() << QByteArray();
    QTest::newRow("white space") << QByteArray(100, ' ') << QByteArray();
    QTest::newRow("4097 bytes") << QByteArray(4097, 's') << QByteArray();
    QTest::newRow("a megabyte") << QByteArray(1 << 20, 's') << QByteArray();
}

void TestSecretFile::secretsComeFromFiles()
{
    QFETCH(const QByteArray, content);
    QFETCH(const QByteArray, secret);
    const QTemporaryDir directory;
    QFile file(directory.filePath(QStringLiteral("secret")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(content);
    file.close();
    const auto read = readClusterSecret(file.fileName());
    QCOMPARE(read.ok(), !secret.isEmpty());
    if (read)
        QCOMPARE(*read, secret);
    else
        QVERIFY(read.error().message.contains(file.fileName().toUtf8()));
    QVERIFY(!readClusterSecret(directory.filePath(QStringLiteral("absent"))));
}

QTEST_APPLESS_MAIN(TestSecretFile)
#include "tst_secret_file.moc"
