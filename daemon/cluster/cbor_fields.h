// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/member.h"
#include "shared/base/result.h"

#include <QBuffer>
#include <QByteArray>
#include <QCborStreamReader>
#include <QCborStreamWriter>

#include <concepts>
#include <limits>
#include <type_traits>
#include <vector>

/// CBOR maps with small integer keys, the form of every message and of the node's stored state.
/// A type is described once, by a `describe(value, visit)` in this namespace that names its keys
/// (1 to 63); the same description counts, writes, reads and checks. Reading believes nothing: no
/// allocation before the bound, numbers must fit, keys that are not described are skipped, one that
/// is missing (unless Optional) or comes twice is an error. Strings and containers of unknown
/// length are refused.
namespace dynakv::cluster::cbor {

/// Why a field was refused; null where it is good.
using Fault = const char *;

/// Bytes that people read: no control character, at most `max`.
template <typename B>
struct Text
{
    B &bytes;
    qsizetype max;
};
template <typename B>
Text(B &, qsizetype) -> Text<B>;
/// Any bytes, at most `max`.
template <typename B>
struct Bytes
{
    B &bytes;
    qsizetype max;
};
template <typename B>
Bytes(B &, qsizetype) -> Bytes<B>;
/// A host name, an IP literal or nothing.
template <typename B>
struct Host
{
    B &bytes;
};
template <typename B>
Host(B &) -> Host<B>;
/// 1 to 1024 bytes; none where a key may be absent.
template <typename B>
struct Key
{
    B &bytes;
    bool mayBeEmpty;
};
template <typename B>
Key(B &, bool) -> Key<B>;
/// From 0 on.
template <typename N>
struct AtMost
{
    N &number;
    int max;
};
template <typename N>
AtMost(N &, int) -> AtMost<N>;
/// Never 0.
template <typename N>
struct Id
{
    N &number;
};
template <typename N>
Id(N &) -> Id<N>;

/// A field of a later version than the first: where it is absent it keeps its default.
template <typename T>
struct Optional
{
    T &value;
};
template <typename T>
Optional(T &) -> Optional<T>;
template <typename T>
inline constexpr bool kMayBeAbsent = false;
template <typename T>
inline constexpr bool kMayBeAbsent<Optional<T>> = true;

/// For describe(): M or const M.
template <typename T, typename M>
concept Of = std::same_as<std::remove_const_t<T>, M>;

template <typename T>
concept Number = std::unsigned_integral<T> && !std::same_as<T, bool>;

class Input
{
public:
    explicit Input(const QByteArray &bytes)
        : m_reader(bytes)
        , m_bytes(bytes.size())
    {
    }
    QCborStreamReader &reader() { return m_reader; }
    [[nodiscard]] qint64 bytesLeft() const { return m_bytes - m_reader.currentOffset(); }

private:
    QCborStreamReader m_reader;
    qint64 m_bytes = 0;
};

/// Appends to \a bytes.
class Output
{
public:
    explicit Output(QByteArray &bytes);
    QCborStreamWriter &writer() { return m_writer; }

private:
    QBuffer m_buffer;
    QCborStreamWriter m_writer{static_cast<QIODevice *>(nullptr)};
};

template <Number T>
void put(Output &out, T number)
{
    out.writer().append(quint64{number});
}
inline void put(Output &out, qint64 number)
{
    out.writer().append(number);
}
inline void put(Output &out, bool flag)
{
    out.writer().append(flag);
}
template <typename E>
requires std::is_enum_v<E>
void put(Output &out, E value)
{
    out.writer().append(quint64{static_cast<quint8>(value)});
}
template <typename B>
void put(Output &out, const Text<B> &text)
{
    out.writer().append(text.bytes);
}
template <typename B>
void put(Output &out, const Bytes<B> &bytes)
{
    out.writer().append(bytes.bytes);
}
template <typename B>
void put(Output &out, const Host<B> &host)
{
    out.writer().append(host.bytes);
}
template <typename B>
void put(Output &out, const Key<B> &key)
{
    out.writer().append(key.bytes);
}
template <typename N>
void put(Output &out, const AtMost<N> &bounded)
{
    out.writer().append(quint64{static_cast<quint32>(bounded.number)});
}
template <typename N>
void put(Output &out, const Id<N> &id)
{
    put(out, id.number);
}
template <typename T>
void put(Output &out, const Optional<T> &field)
{
    put(out, field.value);
}
void put(Output &out, const std::vector<core::MemberRecord> &members);

Fault takeUnsigned(Input &in, quint64 max, quint64 &number);
Fault take(Input &in, qint64 &number);
Fault take(Input &in, bool &flag);
/// A byte string of at most \a max bytes.
Fault takeBytes(Input &in, qsizetype max, QByteArray &bytes);
Fault take(Input &in, Text<QByteArray> text);
inline Fault take(Input &in, Bytes<QByteArray> bytes)
{
    return takeBytes(in, bytes.max, bytes.bytes);
}
Fault take(Input &in, Host<QByteArray> host);
Fault take(Input &in, Key<QByteArray> key);
Fault take(Input &in, std::vector<core::MemberRecord> &members);
/// Enters an array of at most \a max elements.
Fault enterArray(Input &in, quint64 max, quint64 &count);
Fault leaveContainer(Input &in);

template <Number T>
Fault take(Input &in, T &number)
{
    quint64 wide = 0;
    const Fault fault = takeUnsigned(in, std::numeric_limits<T>::max(), wide);
    number = static_cast<T>(wide);
    return fault;
}
template <typename N>
Fault take(Input &in, AtMost<N> bounded)
{
    quint64 wide = 0;
    const Fault fault = takeUnsigned(in, static_cast<quint32>(bounded.max), wide);
    bounded.number = static_cast<int>(wide);
    return fault;
}
template <typename N>
Fault take(Input &in, Id<N> id)
{
    const Fault fault = take(in, id.number);
    return fault || id.number != 0 ? fault : "an id is 0";
}
/// \a last is the greatest value of the enumeration.
template <typename E>
Fault takeEnum(Input &in, E last, E &value)
{
    quint64 number = 0;
    const Fault fault = takeUnsigned(in, static_cast<quint8>(last), number);
    value = static_cast<E>(number);
    return fault;
}
inline Fault take(Input &in, core::MemberState &state)
{
    return takeEnum(in, core::MemberState::Left, state);
}
inline Fault take(Input &in, core::Durability &durability)
{
    return takeEnum(in, core::Durability::Sync, durability);
}
inline Fault take(Input &in, core::RecordKind &kind)
{
    return takeEnum(in, core::RecordKind::Tombstone, kind);
}

template <typename T>
Fault take(Input &in, Optional<T> field)
{
    return take(in, field.value);
}

template <typename T>
void writeMap(Output &out, const T &value)
{
    quint64 count = 0;
    describe(value, [&](int, const auto &) { ++count; });
    out.writer().startMap(count);
    describe(value, [&](int key, const auto &field) {
        out.writer().append(qint64{key});
        put(out, field);
    });
    out.writer().endMap();
}

/// Enters a map of at most a few dozen entries and reads its next key; skips what is not known.
Fault enterMap(Input &in);
Fault takeMapKey(Input &in, quint64 &key);
Fault skipValue(Input &in);

template <typename T>
Fault readMap(Input &in, T &value)
{
    if (const Fault fault = enterMap(in))
        return fault;
    quint64 seen = 0;
    while (in.reader().hasNext()) {
        quint64 key = 0;
        Fault fault = takeMapKey(in, key);
        if (fault)
            return fault;
        bool isKnown = false;
        describe(value, [&](int known, auto &&field) {
            if (quint64(known) != key)
                return;
            isKnown = true;
            const quint64 bit = quint64{1} << known;
            fault = (seen & bit) != 0 ? "a key comes twice" : take(in, field);
            seen |= bit;
        });
        if (!isKnown)
            fault = skipValue(in);
        if (fault)
            return fault;
    }
    quint64 wanted = 0;
    describe(value, [&](int known, const auto &field) {
        if (!kMayBeAbsent<std::remove_cvref_t<decltype(field)>>)
            wanted |= quint64{1} << known;
    });
    return (seen & wanted) == wanted ? leaveContainer(in) : "a field is missing";
}

/// One map and nothing behind it.
template <typename T>
base::Result<T> parseMap(const QByteArray &bytes)
{
    Input in(bytes);
    T value;
    Fault fault = readMap(in, value);
    if (!fault && in.bytesLeft() != 0)
        fault = "bytes follow the map";
    if (fault)
        return base::Error{base::ErrorCode::Corrupt, fault};
    return value;
}

void describe(Of<core::MemberRecord> auto &member, auto &&visit)
{
    visit(1, Id{member.id});
    visit(2, member.generation);
    visit(3, member.incarnation);
    visit(4, member.state);
    visit(5, Host{member.api.host});
    visit(6, member.api.port);
    visit(7, Host{member.cluster.host});
    visit(8, member.cluster.port);
    visit(9, Text{member.programVersion, qsizetype{64}});
    visit(10, Optional{member.claim});
    visit(11, Optional{member.outranks});
}

} // namespace dynakv::cluster::cbor
