using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>An answer that a policy gives by itself: a mock, something cached, a preflight. Immutable, so it may be shared.</summary>
internal sealed record Answer
{
    public required int Status { get; init; }

    public ImmutableArray<KeyValuePair<string, StringValues>> Headers { get; init; } = [];

    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Writes it where the backend's answer would go, through the policies that stand before the one that gave it.</summary>
    public async ValueTask WriteAsync(Exchange exchange)
    {
        var headers = exchange.Response.Headers;
        CopyHead(exchange);
        headers[HeaderNames.RequestId] = exchange.RequestId;
        if (MayHaveBody)
        {
            headers.ContentLength = Body.Length;
        }

        exchange.TellEpoch();
        await exchange.BeginAnswerAsync().ConfigureAwait(false);
        if (!Body.IsEmpty && exchange.AnswerHasBody)
        {
            exchange.BytesOut = Body.Length;
            await exchange.AnswerBody.WriteAsync(Body, exchange.Lifetime.RequestAborted).ConfigureAwait(false);
        }

        await exchange.EndAnswerAsync().ConfigureAwait(false);
    }

    /// <summary>Status and headers alone, in the place of what is there.</summary>
    public void CopyHead(Exchange exchange)
    {
        exchange.Response.StatusCode = Status;
        exchange.Response.ReasonPhrase = null;
        var headers = exchange.Response.Headers;
        headers.Clear();
        foreach (var (name, value) in Headers)
        {
            headers[name] = value;
        }
    }

    private bool MayHaveBody => Status is not (204 or 304);

    /// <summary>As logs name it.</summary>
    public override string ToString() => Status.ToString(CultureInfo.InvariantCulture);
}
