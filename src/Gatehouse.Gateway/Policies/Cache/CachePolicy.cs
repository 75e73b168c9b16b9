using System.Collections.Frozen;
using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// A shared cache (RFC 9111) in front of the backend. What is asked for by several at once is fetched once. A stale answer
/// that may still be given (RFC 5861) is given to all but the one who fetches the new one.
/// </summary>
internal sealed class CachePolicy(CacheSettings settings, CacheStore store, TimeProvider time)
    : IWaitingPolicy,
        IAnswerPolicy,
        IFaultPolicy
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static readonly GatewayProblem s_notCached = new(
        504,
        "504",
        "Gateway Timeout",
        "The request asks for a stored answer only, and there is none."
    );

    // Heuristically cacheable (RFC 9110 §15.1), without 206, which only parts could be made of.
    private static readonly FrozenSet<int> s_cacheable = new[]
    {
        200,
        203,
        204,
        300,
        301,
        308,
        404,
        405,
        410,
        414,
        501,
    }.ToFrozenSet();

    // Headers of one transfer, or written anew for every caller.
    private static readonly FrozenSet<string> s_notKept = new[]
    {
        "Age",
        "Content-Length",
        "Set-Cookie",
        "Cache-Status",
        HeaderNames.RequestId,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        var headers = exchange.Request.Headers;
        var control = RequestControl(headers);
        if (
            !IsRead(exchange.Request.Method)
            || !IsRead(exchange.OutgoingMethod)
            || exchange.HasBody
            || headers.Upgrade.Count > 0
        )
        {
            exchange.Keep(
                this,
                new CacheUse
                {
                    Target = exchange.OutgoingTarget.ToString(),
                    IsUnsafe = !IsSafe(exchange.OutgoingMethod),
                }
            );
            return null;
        }

        if (control.NoStore || headers.Range.Count > 0)
        {
            return null;
        }

        var use = new CacheUse
        {
            Target = exchange.OutgoingTarget.ToString(),
            Partition = PartitionOf(exchange),
            Asked = time.GetUtcNow(),
            MayStore = exchange.Request.Method == "GET",
        };
        exchange.Keep(this, use);
        if (TryAnswer(exchange, use, control))
        {
            return null;
        }

        if (control.OnlyIfCached)
        {
            return s_notCached;
        }

        if (use.MayStore)
        {
            await FetchOnceAsync(exchange, use, control).ConfigureAwait(false);
        }

        if (exchange.Answer is null)
        {
            Validate(exchange, use);
        }

        return null;
    }

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        if (exchange.Kept<CacheUse>(this) is not { } use)
        {
            return new((GatewayProblem?)null);
        }

        var response = exchange.Response;
        if (use.IsUnsafe)
        {
            Invalidate(exchange, use);
        }
        else if (response.StatusCode == 304 && use.Validating is { } known)
        {
            var renewed = Renew(known, exchange, use);
            store.Put(renewed);
            Give(exchange, use, renewed, "hit; detail=validated");
        }
        else if (response.StatusCode >= 500 && use.Stale is { } stale && MayStandIn(stale))
        {
            Give(exchange, use, stale, "hit; detail=stale-if-error");
        }
        else if (use.MayStore && EntryOf(exchange, use) is { } entry)
        {
            response.Headers["Cache-Status"] = "gatehouse; fwd=miss; stored";
            exchange.Filter(new Keeper(store, entry, use, settings.MaxBodyBytes), keepsLength: true);
        }
        else
        {
            // Those who wait for this one will not find it.
            use.Flight?.Dispose();
        }

        return new((GatewayProblem?)null);
    }

    public void OnFault(Exchange exchange, GatewayProblem problem)
    {
        if (problem.Status >= 500 && exchange.Kept<CacheUse>(this) is { Stale: { } stale } && MayStandIn(stale))
        {
            exchange.Answer = stale.ToAnswer(exchange, "hit; detail=stale-if-error");
        }
    }

    private bool TryAnswer(Exchange exchange, CacheUse use, in CacheControl request)
    {
        use.Stale = store.Find(exchange, use.Target, use.Partition);
        if (use.Stale is not { } entry || request.NoCache || entry.Control.NoCache)
        {
            return false;
        }

        var left = entry.Freshness.LeftAt(exchange.Now);
        var mayBeStale = entry.Control is { MustRevalidate: false, SharedMaxAge: null } ? request.MaxStale ?? 0 : 0;
        if (
            left - (request.MinFresh ?? 0) + mayBeStale <= 0
            || request.MaxAge is { } oldest && entry.Freshness.AgeAt(exchange.Now) > oldest
        )
        {
            return false;
        }

        exchange.Answer = entry.ToAnswer(exchange, "hit");
        return true;
    }

    private async ValueTask FetchOnceAsync(Exchange exchange, CacheUse use, CacheControl request)
    {
        if (store.TryBegin($"{use.Partition} {use.Target}", out var flight))
        {
            use.Flight = flight;

            // The one before may have landed since this request looked.
            if (TryAnswer(exchange, use, request))
            {
                flight.Dispose();
                use.Flight = null;
            }

            return;
        }

        if (use.Stale is { } stale && !request.NoCache && MayServeMeanwhile(stale, exchange.Now))
        {
            exchange.Answer = stale.ToAnswer(exchange, "hit; detail=stale-while-revalidate");
            return;
        }

        try
        {
            await flight.Landed.WaitAsync(s_patience, time, exchange.Lifetime.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception late) when (late is TimeoutException or OperationCanceledException)
        {
            return;
        }

        // Whoever waited once does not wait for the next as well.
        TryAnswer(exchange, use, request);
    }

    private static void Validate(Exchange exchange, CacheUse use)
    {
        var headers = exchange.Request.Headers;
        if (
            use.Stale is not { HasValidator: true } entry
            || headers.IfNoneMatch.Count > 0
            || headers.IfModifiedSince.Count > 0
            || headers.IfMatch.Count > 0
            || headers.IfUnmodifiedSince.Count > 0
        )
        {
            return;
        }

        use.Validating = entry;
        if (entry.ETag.Length > 0)
        {
            headers.IfNoneMatch = entry.ETag;
        }
        else
        {
            headers.IfModifiedSince = entry.LastModified;
        }
    }

    /// <summary>The entry for the answer that has begun, without its body; null when it may not be kept (§3).</summary>
    private CacheEntry? EntryOf(Exchange exchange, CacheUse use)
    {
        var response = exchange.Response;
        var headers = response.Headers;
        var control = CacheControl.Parse(headers.CacheControl);
        var expires = headers.Expires.ToString();
        var says = Freshness.IsExplicit(control, expires);
        if (
            control.NoStore
            || control.Private
            || response.StatusCode is 206 or 304
            || (!s_cacheable.Contains(response.StatusCode) && !says)
            || (headers.SetCookie.Count > 0 && !settings.KeepSetCookie)
            // What was asked with credentials is for all only where the backend says so (§3.5).
            || (IsAuthorized(exchange) && control is { Public: false, MustRevalidate: false, SharedMaxAge: null })
            || headers.ContentLength > settings.MaxBodyBytes
            || !TryVary(exchange, out var varied)
        )
        {
            return null;
        }

        var freshness = FreshnessOf(headers, control, use);
        var etag = headers.ETag.ToString();
        var modified = headers.LastModified.ToString();
        if (freshness.Lifetime <= 0 && etag.Length == 0 && modified.Length == 0)
        {
            return null;
        }

        return new()
        {
            Target = use.Target,
            Partition = use.Partition,
            Varied = varied,
            Status = response.StatusCode,
            Headers =
            [
                .. headers.Where(h => !s_notKept.Contains(h.Key)).Select(h => KeyValuePair.Create(h.Key, h.Value)),
            ],
            Body = default,
            Freshness = freshness,
            Control = control,
            ETag = etag,
            LastModified = modified,
        };
    }

    private Freshness FreshnessOf(IHeaderDictionary headers, in CacheControl control, CacheUse use) =>
        Freshness.Of(
            control,
            headers.Expires.ToString(),
            Freshness.DateOf(headers.Date.ToString()),
            long.TryParse(headers.Age.ToString(), out var age) ? age : 0,
            use.Asked,
            time.GetUtcNow(),
            settings.DefaultSeconds
        );

    private static bool TryVary(Exchange exchange, out ImmutableArray<KeyValuePair<string, string>> varied)
    {
        varied = [];
        foreach (
            var name in exchange
                .Response.Headers.Vary.ToString()
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        )
        {
            if (name == "*")
            {
                return false;
            }

            varied = varied.Add(new(name, exchange.Request.Headers[name].ToString()));
        }

        return true;
    }

    /// <summary>§4.3.4: the headers of the 304 take the place of the stored ones.</summary>
    private CacheEntry Renew(CacheEntry known, Exchange exchange, CacheUse use)
    {
        var fresh = exchange.Response.Headers;
        var control = fresh.CacheControl.Count > 0 ? CacheControl.Parse(fresh.CacheControl) : known.Control;
        var headers = known.Headers.RemoveAll(h => fresh.ContainsKey(h.Key));
        headers = headers.AddRange(
            fresh.Where(h => !s_notKept.Contains(h.Key)).Select(h => KeyValuePair.Create(h.Key, h.Value))
        );
        return known with { Headers = headers, Control = control, Freshness = FreshnessOf(fresh, control, use) };
    }

    private static void Give(Exchange exchange, CacheUse use, CacheEntry entry, string how)
    {
        use.Flight?.Dispose();

        // The conditions in the request are ours by now, not the caller's.
        if (use.Validating is not null)
        {
            exchange.Request.Headers.IfNoneMatch = StringValues.Empty;
            exchange.Request.Headers.IfModifiedSince = StringValues.Empty;
        }

        entry.ToAnswer(exchange, how).CopyHead(exchange);
        exchange.Response.Headers[HeaderNames.RequestId] = exchange.RequestId;
        exchange.Filter(new Instead(entry.Body));
    }

    private void Invalidate(Exchange exchange, CacheUse use)
    {
        var response = exchange.Response;
        if (response.StatusCode is < 200 or >= 400)
        {
            return;
        }

        store.Invalidate(use.Target);
        if (use.Target.IndexOf('?', StringComparison.Ordinal) is var query and >= 0)
        {
            store.Invalidate(use.Target[..query]);
        }

        foreach (var named in new[] { response.Headers.Location, response.Headers.ContentLocation })
        {
            // Only below the same API: a path that begins as the caller's did.
            if (
                named is [['/', ..] path]
                && exchange.Request.RawTarget.AsSpan(0, exchange.ResourceStart) is var context
                && path.AsSpan().StartsWith(context, StringComparison.Ordinal)
            )
            {
                store.Invalidate(path[context.Length..]);
            }
        }
    }

    private bool MayServeMeanwhile(CacheEntry entry, DateTimeOffset now) =>
        entry.Control
            is { MustRevalidate: false, SharedMaxAge: null, NoCache: false }
                or { StaleWhileRevalidate: not null, MustRevalidate: false, NoCache: false }
        && -entry.Freshness.LeftAt(now) < (entry.Control.StaleWhileRevalidate ?? settings.StaleWhileRevalidate);

    private bool MayStandIn(CacheEntry entry) =>
        entry.Control
            is { MustRevalidate: false, SharedMaxAge: null, NoCache: false }
                or { StaleIfError: not null, MustRevalidate: false, NoCache: false }
        && -entry.Freshness.LeftAt(time.GetUtcNow()) < (entry.Control.StaleIfError ?? settings.StaleIfError);

    // A token or password that let the caller in is off the request by now, but the answer may still be about its owner: by
    // what a call-out learned of it, for one.
    private static bool IsAuthorized(Exchange exchange) =>
        exchange.Token is not null
        || exchange.Key is { Type: KeyType.Basic }
        || exchange.Request.Headers.Authorization.Count > 0;

    private string PartitionOf(Exchange exchange) =>
        $"{(settings.PerApplication ? exchange.Application?.Id : "")}{(exchange.Key is { IsSandbox: true } ? "/sandbox" : "/")}";

    private static CacheControl RequestControl(IHeaderDictionary headers)
    {
        var control = CacheControl.Parse(headers.CacheControl);
        return
            headers.CacheControl.Count == 0
            && headers.Pragma.ToString().Contains("no-cache", StringComparison.OrdinalIgnoreCase)
            ? control with
            {
                NoCache = true,
            }
            : control;
    }

    private static bool IsRead(string method) => method is "GET" or "HEAD";

    private static bool IsSafe(string method) => method is "GET" or "HEAD" or "OPTIONS" or "TRACE";

    /// <summary>What one request does with the cache.</summary>
    private sealed class CacheUse : IDisposable
    {
        public required string Target { get; init; }
        public string Partition { get; init; } = "";
        public DateTimeOffset Asked { get; init; }
        public bool MayStore { get; init; }
        public bool IsUnsafe { get; init; }

        /// <summary>What is stored for it, fresh or not.</summary>
        public CacheEntry? Stale { get; set; }

        /// <summary>What the backend was asked about.</summary>
        public CacheEntry? Validating { get; set; }

        public CacheFlight? Flight { get; set; }

        public void Dispose() => Flight?.Dispose();
    }

    /// <summary>Passes an answer on and keeps it when it is complete.</summary>
#pragma warning disable CA1001 // A memory stream holds nothing to free.
    private sealed class Keeper(CacheStore store, CacheEntry entry, CacheUse use, int most) : AnswerFilter
#pragma warning restore CA1001
    {
        private readonly MemoryStream _body = new();
        private bool _tooLarge;

        public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            if (!_tooLarge && _body.Length + piece.Length <= most)
            {
                _body.Write(piece.Span);
            }
            else
            {
                _tooLarge = true;
                _body.SetLength(0);
                use.Flight?.Dispose();
            }

            return PassAsync(piece, cancellation);
        }

        public override ValueTask<GatewayProblem?> CompleteAsync(CancellationToken cancellation)
        {
            if (!_tooLarge)
            {
                var body = _body.ToArray();
                var heads = entry.Headers.Sum(h => h.Key.Length + h.Value.ToString().Length + 64);
                store.Put(entry with { Body = body, Size = body.Length + heads + (2 * entry.Target.Length) + 512 });
            }

            use.Flight?.Dispose();
            return new((GatewayProblem?)null);
        }
    }

    /// <summary>Lets a stored body out in the place of the one that came.</summary>
    private sealed class Instead(ReadOnlyMemory<byte> body) : AnswerFilter
    {
        public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
            new(true);

        public override async ValueTask<GatewayProblem?> CompleteAsync(CancellationToken cancellation)
        {
            if (Exchange.Response.StatusCode != 304)
            {
                Exchange.Response.Headers.ContentLength = body.Length;
            }

            if (!body.IsEmpty && Exchange.AnswerHasBody)
            {
                await PassAsync(body, cancellation).ConfigureAwait(false);
            }

            return null;
        }
    }
}
