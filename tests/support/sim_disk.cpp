// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/sim_disk.h"

#include "daemon/core/key_hash.h"

#include <algorithm>

namespace dynakv::test {
namespace {

constexpr qint64 kSectorBytes = 512;

QString directoryOf(const QString &path)
{
    const auto slash = path.lastIndexOf(QLatin1Char('/'));
    return slash <= 0 ? QStringLiteral("/") : path.first(slash);
}

base::Error ioError(QByteArrayView what)
{
    return {base::ErrorCode::Io, what.toByteArray()};
}

base::Error notFound(const QString &path)
{
    return {base::ErrorCode::NotFound, path.toUtf8() + " does not exist"};
}

QByteArray garbage(std::mt19937_64 &random, qint64 size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    for (char &byte : bytes)
        byte = static_cast<char>(random());
    return bytes;
}

} // namespace

quint64 DiskImage::hash() const
{
    quint64 hash = 0;
    for (const auto &[path, bytes] : files)
        hash = core::hashBytes(bytes, core::hashBytes(path.toUtf8(), hash));
    for (const QString &directory : directories)
        hash = core::hashBytes(directory.toUtf8(), hash + 1);
    return hash;
}

class SimFile final : public storage::File
{
public:
    SimFile(SimDisk &disk, std::size_t inode)
        : m_disk(disk)
        , m_inode(inode)
        , m_process(disk.m_process)
    {
    }

    base::Result<QByteArray> readAt(qint64 offset, qint64 length) override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        if (const auto call = begin(); call.error)
            return *call.error;
        return m_disk.m_inodes[m_inode].live.mid(offset, length);
    }

    storage::Written writeAt(qint64 offset, QByteArrayView bytes) override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        const auto call = begin();
        storage::Written result = {bytes.size(), call.error};
        if (call.fault == SimDisk::Fault::ShortWrite)
            result.error = ioError("short write");
        if (result.error) {
            const bool isPartial =
                call.fault == SimDisk::Fault::NoSpace || call.fault == SimDisk::Fault::ShortWrite;
            result.written = isPartial ? bytes.size() / 2 : 0;
        }
        m_disk.m_wholeWrites += result.error ? 0 : 1;
        if (result.written > 0) {
            m_disk.changeContent(
                {m_inode, offset,
                 m_disk.garbled(m_inode, bytes.first(result.written).toByteArray())});
        }
        return result;
    }

    base::Result<void> sync() override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        const auto call = begin();
        if (!call.error)
            m_disk.syncInode(m_inode);
        else if (call.fault != SimDisk::Fault::None)
            m_disk.failSync(m_inode);
        return call.error ? base::Result<void>(*call.error) : base::Result<void>();
    }

    base::Result<void> truncate(qint64 size) override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        if (const auto call = begin(); call.error)
            return *call.error;
        m_disk.changeContent({m_inode, size, {}});
        return {};
    }

    void forgetCached() override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        (void)begin();
    }

    base::Result<qint64> size() override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        if (const auto call = begin(); call.error)
            return *call.error;
        return m_disk.m_inodes[m_inode].live.size();
    }

private:
    SimDisk::Call begin()
    {
        if (m_process != m_disk.m_process)
            return {SimDisk::Fault::None, ioError("the process is dead")};
        return m_disk.begin();
    }

    SimDisk &m_disk;
    std::size_t m_inode = 0;
    int m_process = 0;
};

class SimLock final : public storage::FileLock
{
public:
    SimLock(SimDisk &disk, const QString &path)
        : m_disk(disk)
        , m_path(path)
    {
        m_disk.m_locks.insert(m_path);
    }
    ~SimLock() override
    {
        const std::scoped_lock lock(m_disk.m_mutex);
        m_disk.m_locks.erase(m_path);
    }
    SimLock(const SimLock &) = delete;
    SimLock &operator=(const SimLock &) = delete;

private:
    SimDisk &m_disk;
    QString m_path;
};

SimDisk::SimDisk()
    : SimDisk(DiskImage{{}, {QStringLiteral("/")}})
{
}

SimDisk::SimDisk(const DiskImage &image)
{
    for (const QString &directory : image.directories) {
        m_liveNames[directory] = m_inodes.size();
        m_inodes.push_back({true, {}, {}});
    }
    for (const auto &[path, bytes] : image.files) {
        m_liveNames[path] = m_inodes.size();
        m_inodes.push_back({false, bytes, bytes});
    }
    m_safeNames = m_liveNames;
}

void SimDisk::failCalls(int first, int count, Fault fault)
{
    const std::scoped_lock lock(m_mutex);
    m_failFirst = first;
    m_failCount = count;
    m_fault = fault;
}

void SimDisk::powerOffAtCall(int call)
{
    const std::scoped_lock lock(m_mutex);
    m_offAtCall = call;
}

void SimDisk::killProcess()
{
    const std::scoped_lock lock(m_mutex);
    ++m_process;
}

bool SimDisk::isOff() const
{
    const std::scoped_lock lock(m_mutex);
    return m_offAtCall > 0 && m_calls >= m_offAtCall;
}

int SimDisk::callCount() const
{
    const std::scoped_lock lock(m_mutex);
    return m_calls;
}

void SimDisk::setSpace(const storage::DiskSpace &space)
{
    const std::scoped_lock lock(m_mutex);
    m_space = space;
}

int SimDisk::wholeWriteCount() const
{
    const std::scoped_lock lock(m_mutex);
    return m_wholeWrites;
}

SimDisk::Call SimDisk::begin()
{
    if (isOff())
        return {Fault::None, ioError("the power is off")};
    ++m_calls;
    if (isOff())
        return {Fault::None, ioError("the power is off")};
    const bool mustFail = m_calls >= m_failFirst && m_calls < m_failFirst + m_failCount;
    if (!mustFail)
        return {};
    switch (m_fault) {
    case Fault::Io:
        return {m_fault, ioError("input/output error")};
    case Fault::NoSpace:
        return {m_fault, base::Error{base::ErrorCode::NoSpace, "no space left on device"}};
    case Fault::ShortWrite:
    case Fault::None:
        break;
    }
    return {m_fault, {}};
}

void SimDisk::applyTo(QByteArray &bytes, const Content &change)
{
    if (change.bytes.isEmpty()) {
        bytes.resize(qMin<qint64>(bytes.size(), change.offset));
        return;
    }
    const qint64 end = change.offset + change.bytes.size();
    if (bytes.size() < end)
        bytes.append(end - bytes.size(), '\0');
    std::copy(change.bytes.begin(), change.bytes.end(), bytes.begin() + change.offset);
}

void SimDisk::applyTo(Names &names, const NameChange &change)
{
    if (!change.removed.isEmpty())
        names.erase(change.removed);
    if (!change.added.isEmpty())
        names[change.added] = change.inode;
}

void SimDisk::changeContent(Content change)
{
    applyTo(m_inodes[change.inode].live, change);
    m_contents.push_back(std::move(change));
}

void SimDisk::changeName(NameChange change)
{
    applyTo(m_liveNames, change);
    m_nameChanges.push_back(std::move(change));
}

void SimDisk::dropPending(std::size_t inode)
{
    std::erase_if(m_contents, [inode](const Content &change) { return change.inode == inode; });
}

void SimDisk::failSync(std::size_t inode)
{
    ++m_failedSyncs[nameOf(inode)];
    dropPending(inode);
}

QString SimDisk::nameOf(std::size_t inode) const
{
    for (const auto &[path, each] : m_liveNames) {
        if (each == inode)
            return path;
    }
    return {};
}

int SimDisk::failedSyncCount(const QString &path) const
{
    const std::scoped_lock lock(m_mutex);
    const auto at = m_failedSyncs.find(path);
    return at == m_failedSyncs.end() ? 0 : at->second;
}

void SimDisk::garbleWrite(const QString &path, int write)
{
    const std::scoped_lock lock(m_mutex);
    m_garblePath = path;
    m_garbleAt = write;
}

QByteArray SimDisk::garbled(std::size_t inode, QByteArray bytes)
{
    if (m_garbleAt <= 0 || nameOf(inode) != m_garblePath || --m_garbleAt > 0)
        return bytes;
    m_garbleAt = -1;
    char &victim = bytes[bytes.size() / 2];
    victim = static_cast<char>(victim ^ 0x10);
    return bytes;
}

void SimDisk::syncInode(std::size_t inode)
{
    for (const Content &change : m_contents) {
        if (change.inode == inode)
            applyTo(m_inodes[inode].safe, change);
    }
    dropPending(inode);
}

base::Result<std::unique_ptr<storage::File>> SimDisk::open(const QString &path, OpenMode mode)
{
    const std::scoped_lock lock(m_mutex);
    if (const auto call = begin(); call.error)
        return *call.error;
    const auto at = m_liveNames.find(path);
    if (at != m_liveNames.end() && m_inodes[at->second].isDirectory)
        return ioError("is a directory");
    if (at == m_liveNames.end() && mode != OpenMode::Replace)
        return notFound(path);
    std::size_t inode = m_inodes.size();
    if (at != m_liveNames.end()) {
        inode = at->second;
        if (mode == OpenMode::Replace)
            changeContent({inode, 0, {}});
    } else {
        if (!m_liveNames.contains(directoryOf(path)))
            return notFound(directoryOf(path));
        m_inodes.push_back({});
        changeName({directoryOf(path), {}, path, inode});
    }
    return std::unique_ptr<storage::File>(std::make_unique<SimFile>(*this, inode));
}

base::Result<std::vector<QString>> SimDisk::list(const QString &directory)
{
    const std::scoped_lock lock(m_mutex);
    if (const auto call = begin(); call.error)
        return *call.error;
    const auto at = m_liveNames.find(directory);
    if (at == m_liveNames.end())
        return notFound(directory);
    std::vector<QString> names;
    for (const auto &[path, inode] : m_liveNames) {
        if (path != directory && directoryOf(path) == directory)
            names.push_back(path.sliced(path.lastIndexOf(QLatin1Char('/')) + 1));
    }
    return names;
}

base::Result<void> SimDisk::makeDirectory(const QString &directory)
{
    const std::scoped_lock lock(m_mutex);
    if (const auto call = begin(); call.error)
        return *call.error;
    if (m_liveNames.contains(directory))
        return {};
    if (!m_liveNames.contains(directoryOf(directory)))
        return notFound(directoryOf(directory));
    changeName({directoryOf(directory), {}, directory, m_inodes.size()});
    m_inodes.push_back({true, {}, {}});
    return {};
}

base::Result<void> SimDisk::rename(const QString &from, const QString &to)
{
    const std::scoped_lock lock(m_mutex);
    if (const auto call = begin(); call.error)
        return *call.error;
    const auto at = m_liveNames.find(from);
    if (at == m_liveNames.end())
        return notFound(from);
    changeName({directoryOf(from), from, to, at->second});
    return {};
}

base::Result<void> SimDisk::remove(const QString &path)
{
    const std::scoped_lock lock(m_mutex);
    if (const auto call = begin(); call.error)
        return *call.error;
    if (!m_liveNames.contains(path))
        return notFound(path);
    changeName({directoryOf(path), path, {}, 0});
    return {};
}

base::Result<void> SimDisk::syncDirectory(const QString &directory)
{
    const std::scoped_lock lock(m_mutex);
    if (const auto call = begin(); call.error)
        return *call.error;
    for (const NameChange &change : m_nameChanges) {
        if (change.directory == directory)
            applyTo(m_safeNames, change);
    }
    std::erase_if(m_nameChanges,
                  [&](const NameChange &change) { return change.directory == directory; });
    return {};
}

base::Result<std::unique_ptr<storage::FileLock>> SimDisk::lock(const QString &path)
{
    const std::scoped_lock guard(m_mutex);
    if (m_locks.contains(path))
        return {base::ErrorCode::Busy, path.toUtf8() + " is locked"};
    if (!m_liveNames.contains(path)) {
        if (const auto made = open(path, OpenMode::Replace); !made)
            return made.error();
    }
    return std::unique_ptr<storage::FileLock>(std::make_unique<SimLock>(*this, path));
}

base::Result<storage::DiskSpace> SimDisk::space(const QString &)
{
    const std::scoped_lock lock(m_mutex);
    return m_space;
}

DiskImage SimDisk::imageOf(const Names &names, const Contents &changed) const
{
    DiskImage image;
    for (const auto &[path, inode] : names) {
        // Parents come first in this order; what lost its directory is out of reach.
        if (path != QStringLiteral("/") && !image.directories.contains(directoryOf(path)))
            continue;
        const auto at = changed.find(inode);
        if (m_inodes[inode].isDirectory)
            image.directories.insert(path);
        else
            image.files[path] = at == changed.end() ? m_inodes[inode].safe : at->second;
    }
    return image;
}

DiskImage SimDisk::liveImage() const
{
    const std::scoped_lock lock(m_mutex);
    Contents live;
    for (std::size_t inode = 0; inode < m_inodes.size(); ++inode)
        live[inode] = m_inodes[inode].live;
    return imageOf(m_liveNames, live);
}

std::vector<DiskImage> SimDisk::crashImages(quint64 seed, int rounds) const
{
    const std::scoped_lock lock(m_mutex);
    const std::vector<Contents> contents = crashContents(seed, rounds);
    std::vector<DiskImage> images;
    Names names = m_safeNames;
    for (std::size_t prefix = 0; prefix <= m_nameChanges.size(); ++prefix) {
        if (prefix > 0)
            applyTo(names, m_nameChanges[prefix - 1]);
        for (const Contents &content : contents)
            images.push_back(imageOf(names, content));
    }
    return images;
}

std::vector<SimDisk::Contents> SimDisk::crashContents(quint64 seed, int rounds) const
{
    std::vector<Contents> all;
    const auto with = [this](Contents &contents, const Content &change) {
        const auto at = contents.try_emplace(change.inode, m_inodes[change.inode].safe).first;
        applyTo(at->second, change);
    };
    Contents prefix;
    all.push_back(prefix);
    for (const Content &change : m_contents) {
        const qint64 size = change.bytes.size();
        std::set<qint64> cuts = {1, 4, 47, 48, 49, size / 2, size - 8, size - 1};
        for (qint64 cut = kSectorBytes - change.offset % kSectorBytes; cut < size;
             cut += kSectorBytes)
            cuts.insert(cut);
        for (const qint64 cut : cuts) {
            if (cut <= 0 || cut >= size)
                continue;
            Contents torn = prefix;
            with(torn, {change.inode, change.offset, change.bytes.first(cut)});
            all.push_back(std::move(torn));
        }
        with(prefix, change);
        all.push_back(prefix);
        // The size has grown, the data has not come.
        Contents zeros = all[all.size() - 1];
        if (size > 0) {
            with(zeros, {change.inode, change.offset, QByteArray(size, '\0')});
            all.push_back(std::move(zeros));
        }
    }
    if (m_contents.empty())
        return all;

    enum class Fate : quint8 { Kept, Old, Zero, Garbage, Stale };
    // What a file system may hand out with a block that it gives to another file.
    const auto staleFor = [this](std::size_t inode, qint64 offset, qint64 size) {
        QByteArray stale;
        for (std::size_t other = 0; other < m_inodes.size(); ++other) {
            if (other != inode && m_inodes[other].live.size() > stale.size())
                stale = m_inodes[other].live;
        }
        return stale.mid(offset, size).leftJustified(size, '\0');
    };
    std::mt19937_64 random(seed);
    for (int round = 0; round < rounds; ++round) {
        Contents contents;
        for (const Content &change : m_contents) {
            const bool isWholeKept = random() % 3 == 0;
            if (change.bytes.isEmpty() || isWholeKept) {
                if (isWholeKept || random() % 2 == 0)
                    with(contents, change);
                continue;
            }
            qint64 at = 0;
            while (at < change.bytes.size()) {
                const qint64 toBoundary = kSectorBytes - (change.offset + at) % kSectorBytes;
                const qint64 size = qMin(toBoundary, change.bytes.size() - at);
                const auto fate = static_cast<Fate>(random() % 5);
                QByteArray bytes = change.bytes.mid(at, size);
                if (fate == Fate::Zero)
                    bytes.fill('\0');
                else if (fate == Fate::Garbage)
                    bytes = garbage(random, size);
                else if (fate == Fate::Stale)
                    bytes = staleFor(change.inode, change.offset + at, size);
                if (fate != Fate::Old)
                    with(contents, {change.inode, change.offset + at, bytes});
                at += size;
            }
        }
        all.push_back(std::move(contents));
    }
    return all;
}

} // namespace dynakv::test
