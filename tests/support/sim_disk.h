// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_system.h"

#include <map>
#include <mutex>
#include <random>
#include <set>

namespace dynakv::test {

/// What a disk holds after the power went: names and contents, directories with no content.
struct DiskImage
{
    std::map<QString, QByteArray> files = {};
    std::set<QString> directories = {};
    bool operator==(const DiskImage &) const = default;

    [[nodiscard]] quint64 hash() const;
};

/// A disk in memory that forgets what was not synced. Every inode has the bytes that are safe and
/// those that a process sees; every change in between, of content or of names, waits in one list
/// until a sync takes it over. A power cut is any subset of that list, torn in any way that real
/// disks were seen to tear it. Bytes outside a write are never harmed by it.
///
/// Every call is counted and can be made to fail, or to be the one at which the power goes.
/// Thread: any; calls take turns.
class SimDisk final : public storage::FileSystem
{
public:
    enum class Fault : quint8 {
        None,
        Io,         ///< EIO. A failed sync drops the pages and reports success the next time.
        NoSpace,    ///< ENOSPC, a write after half of its bytes.
        ShortWrite, ///< A write ends after half of its bytes with EIO; other calls succeed.
    };

    SimDisk();
    explicit SimDisk(const DiskImage &image);

    /// Calls \a first to \a first + \a count - 1, counted from 1, fail.
    void failCalls(int first, int count, Fault fault);
    /// From this call on, counted from 1, nothing happens any more.
    void powerOffAtCall(int call);
    /// The process dies and another one comes: handles fail, what is pending stays pending.
    void killProcess();
    [[nodiscard]] bool isOff() const;
    [[nodiscard]] int callCount() const;
    /// Failed syncs of files of that name.
    [[nodiscard]] int failedSyncCount(const QString &path) const;
    /// The write to a file of that name, counted from 1, is reported whole with a bit of it wrong.
    void garbleWrite(const QString &path, int write);
    [[nodiscard]] bool wasGarbled() const { return m_garbleAt < 0; }
    /// What space() says; it bounds nothing.
    void setSpace(const storage::DiskSpace &space);
    /// Writes that succeeded.
    [[nodiscard]] int wholeWriteCount() const;

    /// What every process sees, and what stays after kill -9.
    [[nodiscard]] DiskImage liveImage() const;
    /// What may be there after a power cut now: nothing, all and every prefix of the pending
    /// changes; the last write cut; \a rounds times some changes lost, some sectors old, zero,
    /// garbage or of another file; all of it with every prefix of the pending names.
    [[nodiscard]] std::vector<DiskImage> crashImages(quint64 seed, int rounds) const;

    base::Result<std::unique_ptr<storage::File>> open(const QString &path, OpenMode mode) override;
    base::Result<std::vector<QString>> list(const QString &directory) override;
    base::Result<void> makeDirectory(const QString &directory) override;
    base::Result<void> rename(const QString &from, const QString &to) override;
    base::Result<void> remove(const QString &path) override;
    base::Result<void> syncDirectory(const QString &directory) override;
    base::Result<std::unique_ptr<storage::FileLock>> lock(const QString &path) override;
    [[nodiscard]] bool canReplaceOpenFiles() const override { return true; }
    base::Result<storage::DiskSpace> space(const QString &directory) override;

private:
    friend class SimFile;
    friend class SimLock;

    struct Inode
    {
        bool isDirectory = false;
        QByteArray safe = {};
        QByteArray live = {};
    };
    using Names = std::map<QString, std::size_t>;

    /// One change that is not safe yet.
    struct Content
    {
        std::size_t inode = 0;
        qint64 offset = 0;     ///< Of a write; the new size of a truncation.
        QByteArray bytes = {}; ///< Empty: a truncation.
    };
    struct NameChange
    {
        QString directory = {};
        QString removed = {}; ///< Empty or a path.
        QString added = {};   ///< Empty or a path.
        std::size_t inode = 0;
    };

    struct Call
    {
        Fault fault = Fault::None;
        std::optional<base::Error> error = {};
    };
    Call begin();
    void changeContent(Content change);
    void changeName(NameChange change);
    void dropPending(std::size_t inode);
    void syncInode(std::size_t inode);
    void failSync(std::size_t inode);
    [[nodiscard]] QString nameOf(std::size_t inode) const;
    QByteArray garbled(std::size_t inode, QByteArray bytes);

    static void applyTo(QByteArray &bytes, const Content &change);
    static void applyTo(Names &names, const NameChange &change);
    using Contents = std::map<std::size_t, QByteArray>;
    [[nodiscard]] std::vector<Contents> crashContents(quint64 seed, int rounds) const;
    [[nodiscard]] DiskImage imageOf(const Names &names, const Contents &changed) const;

    mutable std::recursive_mutex m_mutex;
    std::vector<Inode> m_inodes;
    Names m_safeNames;
    Names m_liveNames;
    std::vector<Content> m_contents;
    std::vector<NameChange> m_nameChanges;
    std::set<QString> m_locks;
    int m_calls = 0;
    int m_wholeWrites = 0;
    std::map<QString, int> m_failedSyncs;
    QString m_garblePath;
    int m_garbleAt = 0; ///< Writes until then; -1: it has happened.
    int m_process = 0;
    int m_offAtCall = 0;
    int m_failFirst = 0;
    int m_failCount = 0;
    Fault m_fault = Fault::None;
    storage::DiskSpace m_space = {qint64{1} << 40, qint64{1} << 40};
};

} // namespace dynakv::test
