using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>
/// Callers who do not stop: each sends one GET after the other over kept connections, every one with a request id of its own.
/// With several balancers a caller goes to the next one when it cannot connect or its connection breaks, as any client does.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pace = TimeSpan.FromMilliseconds(25);

    private readonly IReadOnlyList<Uri> _urls;
    private readonly string _key;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly Task _callers;
    private long _answers;
    private long _switched;
    private long _slowest;

    private SteadyLoad(IReadOnlyList<Uri> urls, string key, string authority, int callers, TimeSpan connectionLife)
    {
        _urls = urls;
        _key = key;
        var handler = Trust.HandlerOf(authority);
        handler.PooledConnectionLifetime = connectionLife;
        _http = new(handler);
        _http.Timeout = s_patience;
        _callers = Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => CallAsync(caller))));
    }

    /// <summary>How many requests were answered well so far.</summary>
    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>How often a caller went to another balancer so far.</summary>
    public long Switched => Interlocked.Read(ref _switched);

    /// <summary>Begins, and returns when every caller has had answers.</summary>
    public static async Task<SteadyLoad> StartAsync(
        IReadOnlyList<Uri> urls,
        string key,
        string authority,
        int callers = 12,
        TimeSpan? connectionLife = null
    )
    {
        var load = new SteadyLoad(urls, key, authority, callers, connectionLife ?? Timeout.InfiniteTimeSpan);
        await load.AnswersMoreAsync(callers * 5);
        return load;
    }

    /// <summary>Completes when <paramref name="more"/> requests have been answered from now on; it fails when that takes too long.</summary>
    public async Task AnswersMoreAsync(int more)
    {
        var until = Answers + more;
        await Eventually.TrueAsync(
            () => Answers + _failures.Count >= until,
            TimeSpan.FromSeconds(90),
            () => $"{more} more answers; {Answers} so far, failures: {string.Join("; ", _failures.Take(5))}"
        );
    }

    /// <summary>Ends it and tells how it went.</summary>
    public async Task<LoadOutcome> StopAsync()
    {
        await _stop.CancelAsync();
        await _callers;
        return new(Answers, [.. _failures], Switched, Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _slowest)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _callers;
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task CallAsync(int caller)
    {
        var preferred = caller;
        // Callers who never pause would leave no processor to the cluster on a small machine.
        using var pace = new PeriodicTimer(s_pace);
        for (var number = 0; !_stop.IsCancellationRequested; number++)
        {
            await pace.WaitForNextTickAsync();
            var id = string.Create(CultureInfo.InvariantCulture, $"{caller}-{number}");
            var began = Stopwatch.GetTimestamp();
            string? failure = null;
            for (var attempt = 0; attempt < _urls.Count; attempt++)
            {
                failure = await TryAsync(_urls[preferred % _urls.Count], id);
                if (failure is null || !failure.StartsWith("connection", StringComparison.Ordinal))
                {
                    break;
                }

                preferred++;
                Interlocked.Increment(ref _switched);
            }

            if (failure is null)
            {
                Interlocked.Increment(ref _answers);
            }
            else
            {
                _failures.Enqueue(
                    string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss.fff} {id}: {failure}")
                );
            }

            var took = Stopwatch.GetTimestamp() - began;
            var slowest = Interlocked.Read(ref _slowest);
            while (took > slowest)
            {
                slowest =
                    Interlocked.CompareExchange(ref _slowest, took, slowest) is var now && now == slowest ? took : now;
            }
        }
    }

    /// <summary>Null when it was answered well.</summary>
    private async Task<string?> TryAsync(Uri url, string id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Add("apikey", _key);
        request.Headers.Add("X-Request-Id", id);
        try
        {
            using var response = await _http.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            return !response.IsSuccessStatusCode ? $"{(int)response.StatusCode} {body}"
                : body != $"seen {id}\n" ? $"the answer of another request: {body}"
                : null;
        }
        catch (HttpRequestException e)
        {
            return $"connection: {e.HttpRequestError} {e.Message} {e.InnerException?.Message}";
        }
        catch (OperationCanceledException)
        {
            return $"no answer within {s_patience.TotalSeconds} s";
        }
    }
}

/// <summary>How a load went.</summary>
/// <param name="Answers">Requests that were answered well.</param>
/// <param name="Failures">When, which, and why.</param>
/// <param name="Switched">How often a caller went to another balancer.</param>
/// <param name="Slowest">The longest a caller waited.</param>
internal sealed record LoadOutcome(long Answers, IReadOnlyList<string> Failures, long Switched, TimeSpan Slowest)
{
    /// <summary>Prints the figures, and fails when a single request failed.</summary>
    public void HasNoFailure(string during)
    {
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{during}: {Failures.Count} of {Answers + Failures.Count} requests failed, {Switched} went to another balancer, the slowest took {Slowest.TotalMilliseconds:0} ms"
            )
        );
        Assert.True(
            Failures.Count == 0,
            $"{Failures.Count} of {Answers + Failures.Count} requests failed during {during}:\n{string.Join('\n', Failures.Take(20))}"
        );
    }
}
