// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/incoming_request.h"

namespace dynakv::http {
namespace {

void take(QByteArray &text, QByteArrayView value)
{
    if (text.isNull())
        text = value.toByteArray();
    else
        text.append(", ").append(value);
}

void take(std::optional<QByteArray> &text, QByteArrayView value)
{
    if (!text)
        text = value.toByteArray();
    else
        take(*text, value);
}

void takeField(HttpRequest &request, const HeadField &field)
{
    const auto is = [&field](QByteArrayView name) { return equalsIgnoringCase(field.name, name); };
    // By the length first: most fields are none of these.
    switch (field.name.size()) {
    case 6:
        if (is("accept"))
            take(request.accept, field.value);
        break;
    case 8:
        if (is("if-match"))
            take(request.ifMatch, field.value);
        break;
    case 12:
        if (is("content-type"))
            take(request.contentType, field.value);
        break;
    case 13:
        if (is("if-none-match"))
            take(request.ifNoneMatch, field.value);
        else if (is("last-event-id"))
            take(request.lastEventId, field.value);
        break;
    case 15:
        if (is("dynakv-at-least"))
            take(request.atLeast, field.value);
        break;
    case 16:
        if (is("content-encoding"))
            take(request.contentEncoding, field.value);
        break;
    default:
        break;
    }
}

} // namespace

HttpRequest requestFrom(const RequestHead &head, const QByteArray &requestId)
{
    HttpRequest request;
    request.method = head.method == Method::Head ? Method::Get : head.method;
    request.path = head.path.toByteArray();
    request.query = head.query.toByteArray();
    request.requestId = requestId;
    request.hasBody = head.framing != BodyFraming::None;
    for (const HeadField &field : head.fields)
        takeField(request, field);
    return request;
}

} // namespace dynakv::http
