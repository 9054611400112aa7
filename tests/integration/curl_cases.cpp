// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/curl_cases.h"

#include <array>

namespace dynakv::test {
namespace {

const QByteArray kThere = R"({"value":1})";
const QByteArray kNew = R"({"value":"new"})";

QStringList words(const QByteArray &text)
{
    return QString::fromLatin1(text).split(QLatin1Char('|'), Qt::SkipEmptyParts);
}

struct Condition
{
    const char *name;
    const char *arguments;
};

constexpr std::array<Condition, 7> kConditions{{
    {"no condition", ""},
    {"If-Match, the version", R"(-H|If-Match: "{version}")"},
    {"If-Match, another version", R"(-H|If-Match: "0000000000000001-0000000000000001")"},
    {"If-Match, any", "-H|If-Match: *"},
    {"If-None-Match, the version", R"(-H|If-None-Match: "{version}")"},
    {"If-None-Match, another version", R"(-H|If-None-Match: "0000000000000001-0000000000000001")"},
    {"If-None-Match, any", "-H|If-None-Match: *"},
}};

struct MethodRow
{
    const char *method;
    const char *arguments;
    std::array<int, 7> there; ///< In the order of the conditions.
    std::array<int, 7> absent;
};

constexpr std::array<int, 7> kNotAllowed{405, 405, 405, 405, 405, 405, 405};
constexpr std::array<int, 7> kNoContent{204, 204, 204, 204, 204, 204, 204};

constexpr std::array<MethodRow, 7> kMethods{{
    {"GET", "", {200, 200, 412, 200, 304, 200, 304}, {404, 412, 412, 412, 404, 404, 404}},
    {"HEAD", "-I", {200, 200, 412, 200, 304, 200, 304}, {404, 412, 412, 412, 404, 404, 404}},
    {"PUT",
     R"(-d|{"value":"new"})",
     {200, 200, 412, 200, 412, 200, 412},
     {200, 412, 412, 412, 200, 200, 200}},
    {"DELETE", "", {200, 200, 412, 200, 412, 200, 412}, {200, 412, 412, 412, 200, 200, 200}},
    {"POST", R"(-d|{"value":"new"})", kNotAllowed, kNotAllowed},
    {"PATCH", R"(-d|{"value":"new"})", kNotAllowed, kNotAllowed},
    {"OPTIONS", "", kNoContent, kNoContent},
}};

QByteArray afterOf(const QByteArray &method, int status, bool isThere)
{
    if (status == 200 && method == "PUT")
        return kNew;
    if (status == 200 && method == "DELETE")
        return {};
    return isThere ? kThere : QByteArray();
}

QByteArray bodyOf(const QByteArray &method, int status, bool isThere)
{
    switch (status) {
    case 412:
        return method == "HEAD" ? "" : isThere ? R"("version":"{version}")" : R"("version":null)";
    case 404:
        return method == "HEAD" ? "" : R"("code":"not_found")";
    case 405:
        return R"("code":"method_not_allowed")";
    case 200:
        break;
    default:
        return {};
    }
    if (method == "GET")
        return kThere;
    if (method == "DELETE")
        return isThere ? R"({"existed":true,"key":"there")" : R"({"existed":false,"key":"absent")";
    return method == "PUT" ? QByteArray(R"("version":")") : QByteArray();
}

} // namespace

std::vector<CurlCase> conditionCases()
{
    std::vector<CurlCase> cases;
    for (const MethodRow &row : kMethods) {
        const QByteArray method = row.method;
        for (std::size_t i = 0; i < kConditions.size(); ++i) {
            for (const bool isThere : {true, false}) {
                const int status = isThere ? row.there[i] : row.absent[i];
                const QByteArray key = isThere ? "there" : "absent";
                cases.push_back({method + ' ' + key + ", " + kConditions[i].name,
                                 method,
                                 "/key/" + key,
                                 words(row.arguments) + words(kConditions[i].arguments),
                                 status,
                                 afterOf(method, status, isThere),
                                 bodyOf(method, status, isThere),
                                 {}});
            }
        }
    }
    return cases;
}

std::vector<CurlCase> uploadCases()
{
    std::vector<CurlCase> cases;
    // Each of them is an update that fits, one that does not, and a creation.
    const auto row = [&cases](const QByteArray &name, const QByteArray &arguments,
                              const QByteArray &after = kNew, const QByteArray &input = kNew,
                              const QByteArray &query = {}) {
        const auto add = [&](const QByteArray &what, const QByteArray &key,
                             const QByteArray &condition, int status) {
            cases.push_back({name + ", " + what,
                             "PUT",
                             "/key/" + key + query,
                             words(arguments) + words(condition),
                             status,
                             status == 200 ? after : kThere,
                             {},
                             input});
        };
        add("over a value", "there", "", 200);
        add("over this version", "there", R"(-H|If-Match: "{version}")", 200);
        add("only if there is none, but there is", "there", "-H|If-None-Match: *", 412);
        add("only if there is none", "absent", "-H|If-None-Match: *", 200);
    };
    const QByteArray asBytes =
        R"({"value":"aGVsbG8=","encoding":"base64","content_type":"application/octet-stream"})";
    const QByteArray asText =
        R"({"value":"aGVsbG8=","encoding":"base64","content_type":"text/plain"})";
    row("as a form, the default of -d", "-d|@-");
    row("as JSON", "--json|@-");
    row("as text", "-H|Content-Type: text/plain|-d|@-");
    row("without a type", "-H|Content-Type:|-d|@-");
    row("bytes", "-H|Content-Type: application/octet-stream|--data-binary|@-", asBytes, "hello");
    row("text as bytes", "-H|Content-Type: text/plain|--data-binary|@-", asText, "hello", "?raw");
    row("a file of unknown length", "-T|-");
    row("bytes of unknown length", "-H|Content-Type: application/octet-stream|-T|-", asBytes,
        "hello");
    row("chunked because it is asked for", "-H|Transfer-Encoding: chunked|-d|@-");
    row("answer may be compressed", "--compressed|-d|@-");
    row("over HTTP/1.0", "--http1.0|-d|@-");
    row("expecting to be told to go on", "-H|Expect: 100-continue|-d|@-");
    row("chunked and expecting it", "-H|Expect: 100-continue|-T|-");
    row("never expecting it", "-H|Expect:|-d|@-");
    return cases;
}

std::vector<CurlCase> readCases()
{
    std::vector<CurlCase> cases;
    const auto row = [&cases](const QByteArray &name, const QByteArray &arguments, int status,
                              const QByteArray &body, const QByteArray &method = "GET",
                              const QByteArray &target = "/key/there") {
        cases.push_back({name, method, target, words(arguments), status, kThere, body, {}});
    };
    row("compressed", "--compressed", 200, kThere);
    row("over HTTP/1.0", "--http1.0", 200, kThere);
    row("over HTTP/1.0, absent", "--http1.0", 404, "not_found", "GET", "/key/absent");
    cases.back().after.clear();
    row("HEAD over HTTP/1.0", "--http1.0|-I", 200, {}, "HEAD");
    row("HEAD, compressed", "--compressed|-I", 200, {}, "HEAD");
    row("with what describes it", "", 200, R"("version":"{version}")", "GET",
        "/key/there?meta=true");
    row("as bytes by Accept", "-H|Accept: application/octet-stream", 200, "1");
    row("as bytes by ?raw", "", 200, "1", "GET", "/key/there?raw");
    row("as JSON by Accept", "-H|Accept: application/json", 200, kThere);
    row("with a body", "-d|x", 200, kThere);
    row("with a chunked body", "-H|Transfer-Encoding: chunked|-d|x", 200, kThere);
    row("with a key in base64", "", 200, kThere, "GET", "/key?k64=dGhlcmU");
    row("with a parameter of -G", "-G|-d|meta=true", 200, R"("key":"there")");
    row("closing behind it", "-H|Connection: close", 200, kThere);
    row("as new as its version", "-H|DynaKV-At-Least: {version}", 200, kThere);
    row("several versions, one fits", R"(-H|If-Match: "x", "{version}")", 200, kThere);
    row("both conditions hold", R"(-H|If-Match: "{version}"|-H|If-None-Match: "x")", 200, kThere);
    row("only one condition holds", R"(-H|If-Match: "{version}"|-H|If-None-Match: *)", 304, {});
    row("weak version for If-Match", R"(-H|If-Match: W/"{version}")", 412,
        R"("version":"{version}")");
    row("weak version for If-None-Match", R"(-H|If-None-Match: W/"{version}")", 304, {});
    return cases;
}

std::vector<CurlCase> refusalCases()
{
    std::vector<CurlCase> cases;
    const auto row = [&cases](const QByteArray &name, const QByteArray &method,
                              const QByteArray &arguments, int status, const QByteArray &code,
                              const QByteArray &query = {}) {
        cases.push_back({name,
                         method,
                         "/key/there" + query,
                         words(arguments),
                         status,
                         kThere,
                         "\"code\":\"" + code,
                         {}});
    };
    row("no JSON", "PUT", "-d|hello", 400, "bad_json");
    row("no value", "PUT", "-d|{}", 400, "bad_json");
    row("empty", "PUT", "-d|@-", 400, "bad_json");
    row("nothing at all", "PUT", "", 411, "length_required");
    row("an image without ?raw", "PUT", "-H|Content-Type: image/png|-d|x", 415, "");
    row("a form of parts", "PUT", "-F|a=b", 415, "");
    row("a Content-Encoding", "PUT", "-H|Content-Encoding: gzip|-d|x", 415, "");
    row("no tag", "PUT", R"(-H|If-Match: abc|-d|{"value":2})", 400, "bad_condition");
    row("two tags in two fields", "PUT", R"(-H|If-Match: "a"|-H|If-Match: "b"|-d|{"value":2})", 400,
        "bad_request");
    row("a parameter that nobody knows", "GET", "", 400, "", "?x=1");
    row("a parameter twice", "GET", "", 400, "", "?raw&raw");
    row("durability of a read", "GET", "", 400, "", "?durability=sync");
    row("r of a write", "DELETE", "", 400, "", "?r=1");
    row("another expectation", "PUT", R"(-H|Expect: tea|-d|{"value":2})", 417, "bad_expectation");
    row("another host", "GET", "-H|Host: example.org", 421, "");
    row("another origin", "PUT", R"(-H|Origin: http://example.org|-d|{"value":2})", 403, "");
    row("a method that nobody knows", "BREW", "", 501, "unknown_method");
    row("TRACE", "TRACE", "", 501, "unknown_method");
    row("another coding", "PUT", R"(-H|Transfer-Encoding: gzip|-d|{"value":2})", 400,
        "bad_framing");
    row("a value over the limit", "PUT", "-d|@-", 413, "too_large");
    cases.back().input = R"({"value":")" + QByteArray(3 << 20, 'x') + "\"}";
    return cases;
}

} // namespace dynakv::test
