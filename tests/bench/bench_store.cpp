// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"
#include "daemon/store/listing_cursor.h"
#include "daemon/store/table.h"
#include "daemon/store/table_loader.h"

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>

#include <QtEndian>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>

/// What the table in memory costs, at ten million records of 16+100 bytes unless told otherwise:
/// one line a number, with the target beside it. Each part runs in a process of its own, so that
/// none finds the memory of another.
///
///   bench_store [KEYS [PART...]]      parts: memory load find list groups changes
namespace {

using namespace dynakv;
using namespace dynakv::store;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 100;
using Key = std::array<char, kKeyBytes>;

quint64 mixed(quint64 number)
{
    number += 0x9E37'79B9'7F4A'7C15;
    number = (number ^ (number >> 30)) * 0xBF58'476D'1CE4'E5B9;
    number = (number ^ (number >> 27)) * 0x94D0'49BB'1331'11EB;
    return number ^ (number >> 31);
}

/// 16 hex digits that no other number gives.
Key randomKey(quint64 number)
{
    Key key;
    quint64 rest = mixed(number);
    for (char &digit : key) {
        digit = "0123456789abcdef"[rest & 15];
        rest >>= 4;
    }
    return key;
}

/// "gNNNN/" and ten digits: so many keys in each of two thousand groups.
Key groupedKey(quint64 number)
{
    Key key;
    std::array<char, kKeyBytes + 1> text;
    std::snprintf(text.data(), text.size(), "g%04u/%010u", static_cast<unsigned>(number % 2000),
                  static_cast<unsigned>(number / 2000));
    std::copy_n(text.begin(), kKeyBytes, key.begin());
    return key;
}

QByteArrayView viewOf(const Key &key)
{
    return {key.data(), static_cast<qsizetype>(kKeyBytes)};
}

core::RecordView recordOf(const Key &key, quint64 clock)
{
    static const QByteArray value(kValueBytes, 'v');
    core::RecordView record;
    record.key = viewOf(key);
    record.version = {clock, 1};
    record.value = value;
    return record;
}

/// The keys in the order in which a loader wants them: by partition, then by bytes.
std::vector<Key> loadOrder(std::size_t count, Key (*makeKey)(quint64))
{
    std::vector<Key> keys(count);
    for (std::size_t i = 0; i < count; ++i)
        keys[i] = makeKey(i);
    std::sort(keys.begin(), keys.end(), [](const Key &left, const Key &right) {
        const quint8 leftPartition = core::slotOf(viewOf(left)).partition;
        const quint8 rightPartition = core::slotOf(viewOf(right)).partition;
        return std::tie(leftPartition, left) < std::tie(rightPartition, right);
    });
    return keys;
}

double secondsOf(clockid_t clock)
{
    timespec time = {};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Spent
{
    double wall = 0;
    double cpu = 0;
};

class Stopwatch
{
public:
    [[nodiscard]] Spent spent() const
    {
        return {secondsOf(CLOCK_MONOTONIC) - m_start.wall,
                secondsOf(CLOCK_THREAD_CPUTIME_ID) - m_start.cpu};
    }

private:
    Spent m_start = {secondsOf(CLOCK_MONOTONIC), secondsOf(CLOCK_THREAD_CPUTIME_ID)};
};

qint64 residentBytes()
{
    long long pages = 0;
    std::FILE *file = std::fopen("/proc/self/statm", "r");
    if (!file || std::fscanf(file, "%*d %lld", &pages) != 1)
        std::perror("statm");
    if (file)
        std::fclose(file);
    return pages * ::sysconf(_SC_PAGESIZE);
}

void print(const char *name, double number, const char *unit, double target)
{
    std::printf("%-52s %9.2f %-9s target %.2f\n", name, number, unit, target);
    std::fflush(stdout);
}

void inChild(const std::function<void()> &part)
{
    if (const pid_t child = ::fork(); child != 0) {
        int status = 0;
        ::waitpid(child, &status, 0);
        if (status != 0)
            std::printf("a part failed: %d\n", status);
        return;
    }
    part();
    std::fflush(stdout);
    ::_exit(0);
}

/// Appends what of \a keys belongs to \a group; only the appending is timed, not the filling of the
/// buffer of 64 KiB that the records come from.
Spent loadGroup(Table &table, const std::vector<Key> &keys, int group)
{
    constexpr int inGroup = core::kPartitionCount / Table::kLoadGroups;
    const auto begin = std::partition_point(keys.begin(), keys.end(), [group](const Key &key) {
        return core::slotOf(viewOf(key)).partition / inGroup < group;
    });
    constexpr std::size_t recordBytes = kKeyBytes + kValueBytes + sizeof(quint64);
    std::vector<char> buffer(64 * 1024);
    const std::size_t batch = buffer.size() / recordBytes;
    TableLoader loader(table, group);
    Spent sum;
    auto at = begin;
    const auto end = std::partition_point(keys.begin(), keys.end(), [group](const Key &key) {
        return core::slotOf(viewOf(key)).partition / inGroup <= group;
    });
    while (at != end) {
        const auto count = qMin(batch, static_cast<std::size_t>(end - at));
        char *to = buffer.data();
        for (std::size_t i = 0; i < count; ++i, ++at) {
            qToLittleEndian<quint64>(i, to);
            to = std::copy_n(at->data(), kKeyBytes, to + sizeof(quint64));
            to = std::fill_n(to, kValueBytes, 'v');
        }
        const Stopwatch watch;
        const char *from = buffer.data();
        for (std::size_t i = 0; i < count; ++i) {
            core::RecordView record;
            record.version = {qFromLittleEndian<quint64>(from), 1};
            from += sizeof(quint64);
            record.key = {from, static_cast<qsizetype>(kKeyBytes)};
            from += kKeyBytes;
            record.value = {from, static_cast<qsizetype>(kValueBytes)};
            from += kValueBytes;
            if (!loader.append(record))
                std::abort();
        }
        const Spent spent = watch.spent();
        sum = {sum.wall + spent.wall, sum.cpu + spent.cpu};
    }
    return sum;
}

void loadAll(Table &table, const std::vector<Key> &keys)
{
    for (int group = 0; group < Table::kLoadGroups; ++group)
        loadGroup(table, keys, group);
}

void measureMemory(std::size_t count)
{
    const auto perKey = [count](qint64 bytes) {
        return static_cast<double>(bytes) / static_cast<double>(count);
    };
    inChild([&] {
        const std::vector<Key> keys = loadOrder(count, randomKey);
        const qint64 before = residentBytes();
        Table table;
        loadAll(table, keys);
        print("memory, loaded in key order", perKey(residentBytes() - before), "B/key", 165);
        print("  as the table counts it", perKey(table.stats().memoryBytes), "B/key", 165);
    });
    inChild([&] {
        const qint64 before = residentBytes();
        Table table;
        for (std::size_t i = 0; i < count; ++i)
            table.apply(recordOf(randomKey(i), 1));
        print("memory, applied in random order", perKey(residentBytes() - before), "B/key", 170);
        print("  as the table counts it", perKey(table.stats().memoryBytes), "B/key", 170);
    });
}

void measureLoad(std::size_t count)
{
    const std::vector<Key> keys = loadOrder(count, randomKey);
    const auto run = [&keys](int threadCount) {
        Table table;
        std::vector<Spent> sums(static_cast<std::size_t>(threadCount));
        std::vector<std::thread> threads;
        for (int i = 0; i < threadCount; ++i) {
            threads.emplace_back([&, i] {
                for (int group = i; group < Table::kLoadGroups; group += threadCount) {
                    const Spent spent = loadGroup(table, keys, group);
                    Spent &sum = sums[static_cast<std::size_t>(i)];
                    sum = {sum.wall + spent.wall, sum.cpu + spent.cpu};
                }
            });
        }
        for (std::thread &thread : threads)
            thread.join();
        Spent longest;
        for (const Spent &sum : sums)
            longest = {qMax(longest.wall, sum.wall), qMax(longest.cpu, sum.cpu)};
        return longest;
    };
    Spent one = {1e9, 1e9};
    Spent two = {1e9, 1e9};
    for (int i = 0; i < 3; ++i) {
        const Spent first = run(1);
        const Spent second = run(2);
        one = {qMin(one.wall, first.wall), qMin(one.cpu, first.cpu)};
        two = {qMin(two.wall, second.wall), qMin(two.cpu, second.cpu)};
    }
    const double scale = 1e9 / static_cast<double>(count);
    print("load, one thread, CPU", one.cpu * scale, "ns/record", 110);
    print("load, one thread", one.wall * scale, "ns/record", 110);
    print("load, two threads", two.wall * scale, "ns/record", 71.5);
    print("  two threads to one", two.wall / one.wall, "", 0.65);
}

/// The same data in one tree without locks, the plainest way; a read copies the value.
class PlainTree
{
public:
    explicit PlainTree(const std::vector<Key> &keys)
    {
        std::vector<Key> sorted = keys;
        std::sort(sorted.begin(), sorted.end());
        for (const Key &key : sorted)
            m_values.emplace_hint(m_values.end(), std::string(key.data(), kKeyBytes),
                                  std::string(kValueBytes, 'v'));
    }
    [[nodiscard]] std::string find(const Key &key) const
    {
        return m_values.find(std::string(key.data(), kKeyBytes))->second;
    }

private:
    absl::btree_map<std::string, std::string> m_values;
};

/// As PlainTree, with the key and its value in one block behind eight bytes of the key.
class LeanTree
{
public:
    explicit LeanTree(const std::vector<Key> &keys)
        : m_records(keys.size())
    {
        std::vector<Key> sorted = keys;
        std::sort(sorted.begin(), sorted.end());
        // In the order of the keys as given, so that neighbours in the tree are not neighbours.
        for (std::size_t i = 0; i < keys.size(); ++i) {
            m_records[i].key = keys[i];
            m_records[i].value.fill('v');
        }
        std::vector<Slot> slots;
        for (const Record &record : m_records)
            slots.push_back(slotOf(record));
        std::sort(slots.begin(), slots.end(), Less());
        for (const Slot &slot : slots)
            m_slots.insert(m_slots.end(), slot);
    }
    [[nodiscard]] std::string find(const Key &key) const
    {
        Record probe;
        probe.key = key;
        const auto at = m_slots.find(slotOf(probe));
        return {at->record->value.data(), kValueBytes};
    }

private:
    struct Record
    {
        Key key;
        std::array<char, kValueBytes> value;
    };
    struct Slot
    {
        quint64 head = 0;
        const Record *record = nullptr;
    };
    struct Less
    {
        bool operator()(const Slot &left, const Slot &right) const
        {
            return left.head != right.head ? left.head < right.head
                                           : left.record->key < right.record->key;
        }
    };
    static Slot slotOf(const Record &record)
    {
        return {qFromBigEndian<quint64>(record.key.data()), &record};
    }

    std::vector<Record> m_records;
    absl::btree_set<Slot, Less> m_slots;
};

template <typename Find>
double nsPerFind(const std::vector<Key> &keys, quint64 seed, Find find)
{
    constexpr int reads = 1'000'000;
    std::mt19937_64 random(seed);
    std::size_t bytes = 0;
    const Stopwatch watch;
    for (int i = 0; i < reads; ++i)
        bytes += find(keys[random() % keys.size()]);
    const double spent = watch.spent().cpu;
    if (bytes != reads * kValueBytes)
        std::abort();
    return spent * 1e9 / reads;
}

template <typename Tree>
void compareFinds(const char *name, const Table &table, const std::vector<Key> &keys)
{
    const Tree tree(keys);
    std::vector<std::array<double, 3>> pairs;
    for (quint64 pair = 0; pair < 7; ++pair) {
        const double plain =
            nsPerFind(keys, pair, [&tree](const Key &key) { return tree.find(key).size(); });
        const double ours = nsPerFind(keys, pair + 100, [&table](const Key &key) {
            return static_cast<std::size_t>(table.find(viewOf(key))->value.size());
        });
        pairs.push_back({plain / ours, ours, plain});
    }
    std::sort(pairs.begin(), pairs.end());
    const auto &median = pairs[pairs.size() / 2];
    print(name, median[0], "of it", 0.8);
    std::printf("  %.2f to %.2f in %zu pairs; %.0f ns against %.0f ns a read\n", pairs.front()[0],
                pairs.back()[0], pairs.size(), median[1], median[2]);
}

void measureFinds(std::size_t count)
{
    const std::vector<Key> keys = loadOrder(count, randomKey);
    Table table;
    loadAll(table, keys);
    compareFinds<PlainTree>("point read to btree_map<string, string>", table, keys);
    compareFinds<LeanTree>("point read to btree_set<{8 bytes, record}>", table, keys);
}

/// CPU time of many pages, sorted.
std::vector<double> pageTimes(const Table &table, int pages,
                              const std::function<ListQuery(int)> &makeQuery)
{
    std::vector<double> times;
    for (int i = 0; i < pages; ++i) {
        const ListQuery query = makeQuery(i);
        const Stopwatch watch;
        const Listing page = table.list(query);
        times.push_back(watch.spent().cpu * 1000);
        if (page.keys.size() + page.prefixes.size() != static_cast<std::size_t>(query.limit))
            std::abort();
    }
    std::sort(times.begin(), times.end());
    return times;
}

void measurePages(std::size_t count)
{
    const std::vector<Key> keys = loadOrder(count, randomKey);
    Table table;
    loadAll(table, keys);
    const auto report = [&table](const char *name, const std::function<ListQuery(int)> &makeQuery) {
        const std::vector<double> times = pageTimes(table, 500, makeQuery);
        std::printf("page of 1000 keys, %s\n", name);
        print("  p50, CPU", times[times.size() / 2], "ms", 1);
        print("  p99, CPU", times[times.size() * 99 / 100], "ms", 2);
    };
    std::mt19937_64 random(1);
    report("behind a random key", [&random](int) {
        ListQuery query;
        query.limit = 1000;
        // Far enough from the last key for a whole page.
        query.after = viewOf(randomKey(random())).toByteArray();
        query.after->front() = "0123456789abcde"[random() % 15];
        return query;
    });
    report("under a prefix, behind a random key", [&random](int) {
        ListQuery query;
        query.limit = 1000;
        query.prefix = QByteArray(1, "0123456789abcdef"[random() % 16]);
        query.after = query.prefix + "0123456789abcde"[random() % 15];
        return query;
    });
}

/// Steps of one partition's cursor through a page of groups: each is at most one hold of its lock
/// for what they have in common, since a group never takes more than a slice.
double longestHold(const std::vector<Key> &keys)
{
    RecordPool pool;
    Partition partition(pool);
    for (const Key &key : keys) {
        if (core::slotOf(viewOf(key)).partition == 0)
            partition.append(recordOf(key, 1), 0, 0);
    }
    ListQuery query;
    query.delimiter = "/";
    query.limit = 100;
    double longest = 0;
    for (int round = 0; round < 20; ++round) {
        ListingCursor cursor(partition, query, *query.start(), 2);
        while (cursor.hasRow()) {
            const QByteArray group = cursor.bytes().toByteArray();
            const Stopwatch watch;
            cursor.drop();
            const double step = watch.spent().cpu;
            const Stopwatch counting;
            (void)partition.countLive(group, endOfPrefix(group), 0, 65'536);
            longest = qMax(longest, qMax(step, counting.spent().cpu));
        }
    }
    return longest * 1000;
}

void measureGroups(std::size_t count)
{
    const std::vector<Key> keys = loadOrder(count, groupedKey);
    Table table;
    loadAll(table, keys);
    const std::vector<double> times = pageTimes(table, 40, [](int i) {
        ListQuery query;
        query.delimiter = "/";
        query.limit = 100;
        if (i > 0)
            query.after = "g" + QByteArray::number(i * 37).rightJustified(4, '0') + "/";
        return query;
    });
    print("page of 100 groups, CPU, median", times[times.size() / 2], "ms", 60);
    print("  longest of 40", times.back(), "ms", 60);
    print("  longest step of a cursor, CPU", longestHold(keys), "ms", 1);
}

/// CPU time of overwriting random ones of so many records.
double nsPerApply(Table &table, std::size_t count, quint64 round)
{
    constexpr int writes = 1'000'000;
    std::mt19937_64 random(round);
    const Stopwatch watch;
    for (int i = 0; i < writes; ++i)
        table.apply(recordOf(randomKey(random() % count), 2 + round));
    return watch.spent().cpu * 1e9 / writes;
}

double nsPerAppend()
{
    constexpr quint64 changes = 5'000'000; // The ring goes round several times.
    ChangeRing ring;
    const Key key = randomKey(1);
    const Stopwatch watch;
    for (quint64 i = 0; i < changes; ++i)
        ring.append({ChangeKind::Put, {i, 1}, kValueBytes, viewOf(key)});
    return watch.spent().cpu * 1e9 / changes;
}

/// What it costs to write down every change, in pairs of the same table.
void measureChanges(std::size_t count)
{
    print("a change into the ring alone, CPU", nsPerAppend(), "ns", 50);
    const std::vector<Key> keys = loadOrder(count, randomKey);
    Table silent;
    Table telling;
    loadAll(silent, keys);
    loadAll(telling, keys);
    telling.startChanges(1, 0);
    std::vector<std::array<double, 3>> pairs;
    for (quint64 round = 0; round < 9; ++round) {
        const double with = nsPerApply(telling, count, round);
        const double without = nsPerApply(silent, count, round);
        pairs.push_back({with - without, with, without});
    }
    std::sort(pairs.begin(), pairs.end());
    const auto &median = pairs[pairs.size() / 2];
    print("what it adds to a write, CPU", median[0], "ns", 50);
    std::printf("  %.0f to %.0f in %zu pairs; %.0f ns against %.0f ns a write\n", pairs.front()[0],
                pairs.back()[0], pairs.size(), median[1], median[2]);
}

} // namespace

int main(int argc, char *argv[])
{
    const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
    const std::vector<std::string> parts(argv + qMin(argc, 2), argv + argc);
    const auto isWanted = [&parts](const char *part) {
        return parts.empty() || std::find(parts.begin(), parts.end(), part) != parts.end();
    };
    if (isWanted("memory"))
        measureMemory(count);
    if (isWanted("load"))
        inChild([count] { measureLoad(count); });
    if (isWanted("find"))
        inChild([count] { measureFinds(count); });
    if (isWanted("list"))
        inChild([count] { measurePages(count); });
    if (isWanted("groups"))
        inChild([count] { measureGroups(count); });
    if (isWanted("changes"))
        inChild([count] { measureChanges(count); });
    return 0;
}
