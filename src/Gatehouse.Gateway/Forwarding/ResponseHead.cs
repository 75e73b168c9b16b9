using System.Net.Http.Headers;
using Gatehouse.Gateway.Forwarding.Http1;
using Gatehouse.Gateway.Pipeline;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

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

        Finish(exchange);
    }

    /// <summary>Copies the head that <paramref name="answer"/> was read from.</summary>
    public static void CopyTo(Exchange exchange, AnswerHead answer, ReadOnlySpan<byte> head)
    {
        var response = exchange.Response;
        response.StatusCode = answer.Status;
        var reason = Latin.Text(head[answer.Reason]);
        response.ReasonPhrase = reason == ReasonPhrases.GetReasonPhrase(answer.Status) ? null : reason;
        var headers = response.Headers;
        var passesOwn = exchange.Route!.Forwarding.PassesOwnHeaders;
        foreach (var field in answer.Fields)
        {
            var name = Latin.Text(field.Name(head));
            if (
                HopByHop.Contains(name)
                || (!passesOwn && HeaderNames.IsOwn(name))
                || (answer.NamesHeaders && IsNamedByConnection(answer, head, field))
            )
            {
                continue;
            }

            if (field.Is(head, "content-length"u8))
            {
                headers.ContentLength = answer.Length;
                continue;
            }

            // A cookie is its caller's alone; it does not stay behind in a table of strings.
            var value = field.Is(head, "set-cookie"u8)
                ? Latin.Private(field.Value(head))
                : Latin.Text(field.Value(head));
            headers[name] = headers.TryGetValue(name, out var before) ? StringValues.Concat(before, value) : value;
        }

        Finish(exchange);
    }

    /// <summary>
    /// Copies a trailer section where the caller's protocol has a place for it. HTTP/1.1 callers do without: a recipient may
    /// discard trailers (RFC 9110 §6.5.1).
    /// </summary>
    public static void CopyTrailers(Exchange exchange, AnswerHead answer, ReadOnlySpan<byte> section)
    {
        if (
            answer.Fields.IsEmpty
            || exchange.Features.Get<IHttpResponseTrailersFeature>() is not { Trailers.IsReadOnly: false } feature
        )
        {
            return;
        }

        foreach (var field in answer.Fields)
        {
            var name = Latin.Text(field.Name(section));
            if (!HopByHop.Contains(name) && !HeaderNames.IsOwn(name) && !field.Is(section, "content-length"u8))
            {
                var value = Latin.Text(field.Value(section));
                var trailers = feature.Trailers;
                trailers[name] = trailers.TryGetValue(name, out var before)
                    ? StringValues.Concat(before, value)
                    : value;
            }
        }
    }

    private static void Finish(Exchange exchange)
    {
        var headers = exchange.Response.Headers;

        // A length on 204 has no meaning and confuses clients (RFC 9110 §8.6); 205 has no body either (§15.3.6).
        if (exchange.Response.StatusCode is StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent)
        {
            headers.ContentLength = null;
        }

        if (headers.ContentLength is null)
        {
            exchange.OpenStream();
        }

        headers[HeaderNames.RequestId] = exchange.RequestId;
        exchange.TellEpoch();
        exchange.Route!.Forwarding.Sticky?.Set(exchange, exchange.Chosen!);
    }

    private static bool IsNamedByConnection(AnswerHead answer, ReadOnlySpan<byte> head, AnswerHead.Field asked)
    {
        foreach (var field in answer.Fields)
        {
            if (!field.Is(head, "connection"u8))
            {
                continue;
            }

            var options = field.Value(head);
            foreach (var range in options.Split((byte)','))
            {
                if (asked.Is(head, options[range].Trim(" \t"u8)))
                {
                    return true;
                }
            }
        }

        return false;
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
