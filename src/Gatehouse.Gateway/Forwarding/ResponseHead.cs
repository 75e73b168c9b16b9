using System.Net.Http.Headers;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>The head of the answer as the caller gets it.</summary>
internal static class ResponseHead
{
    public static void CopyTo(Exchange exchange, HttpResponseMessage answer)
    {
        exchange.Response.StatusCode = (int)answer.StatusCode;
        exchange.Response.ReasonPhrase = answer.ReasonPhrase;
        var headers = exchange.Response.Headers;
        var named = answer.Headers.NonValidated.TryGetValues("Connection", out var connection)
            ? connection.ToString()
            : null;
        var passesOwn = exchange.Route!.Forwarding.PassesOwnHeaders;
        Copy(answer.Headers.NonValidated, headers, named, passesOwn);
        Copy(answer.Content.Headers.NonValidated, headers, named, passesOwn);

        // A length on 204 has no meaning and confuses clients (RFC 9110 §8.6).
        if (answer.StatusCode == System.Net.HttpStatusCode.NoContent)
        {
            headers.ContentLength = null;
        }

        headers[HeaderNames.RequestId] = exchange.RequestId;
        exchange.TellEpoch();
        exchange.Route.Forwarding.Sticky?.Set(exchange, exchange.Chosen!);
    }

    private static void Copy(HttpHeadersNonValidated from, IHeaderDictionary to, string? named, bool passesOwn)
    {
        foreach (var (name, values) in from)
        {
            if (
                HopByHop.Contains(name)
                || (!passesOwn && HeaderNames.IsOwn(name))
                || (named is not null && HopByHop.IsNamedBy(named, name))
            )
            {
                continue;
            }

            to[name] = values.Count == 1 ? values.ToString() : values.ToArray();
        }
    }
}
