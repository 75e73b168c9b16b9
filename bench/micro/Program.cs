using System.Diagnostics;
using System.Globalization;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;

// Nanoseconds and bytes of one decision of the limiter: the best of nine rounds, on the calling thread.
const int Rounds = 9;
const int Operations = 1_000_000;

var minute = new Limit(
    "bench",
    Quota.Requests(Quota.Largest / 2048, TimeSpan.FromMinutes(1)),
    false,
    1,
    TimeProvider.System
);
var spent = new Limit("bench", Quota.Requests(1, TimeSpan.FromHours(1)), false, 1, TimeProvider.System);
var rate = new Limit("bench", Quota.Requests(1_000_000_000, TimeSpan.FromSeconds(1)), true, 1, TimeProvider.System);
var store = new CounterStore(65_536);
var key = default(LimitKey).With("subscription").With("app_4f9k2m7q").With("petstore:1.0.0");
var now = Stopwatch.GetTimestamp();
var (window, full, cells) = (
    new LimitCounter(key, minute, now),
    new LimitCounter(key, spent, now),
    new LimitCounter(key, rate, now)
);
full.TryUse(spent, 1, now, out _);
ILimiter three = EvenShares.Of(["w1", "w2", "w3"], "w2");
var users = Enumerable.Range(0, 10_000).Select(i => $"user-{i}").ToArray();

Measure(
    "quota granted (sliding window, clock included)",
    i => window.TryUse(minute, minute.Amount, Stopwatch.GetTimestamp(), out _)
);
Measure(
    "quota granted by one worker of three",
    i =>
        window.TryUse(
            minute,
            three.Allowance(window, minute, Stopwatch.GetTimestamp()),
            Stopwatch.GetTimestamp(),
            out _
        )
);
Measure("quota refused", i => full.TryUse(spent, 1, Stopwatch.GetTimestamp(), out _));
Measure(
    "rate by the second (GCRA, clock included)",
    i => cells.TryUse(rate, rate.Amount, Stopwatch.GetTimestamp(), out _)
);
Measure(
    "quota of one of 10 000 users (key made and found)",
    i =>
    {
        var at = Stopwatch.GetTimestamp();
        return store.Open(key.With(users[i % users.Length]), minute, at).TryUse(minute, minute.Amount, at, out _);
    }
);

static void Measure(string what, Func<int, bool> decide)
{
    var best = double.MaxValue;
    long bytes = 0;
    for (var round = 0; round < Rounds + 1; round++)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Operations; i++)
        {
            decide(i);
        }

        best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / Operations);
        bytes = GC.GetAllocatedBytesForCurrentThread() - before;
    }

    Console.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"| {what} | {best:0} ns | {bytes / Operations} B |")
    );
}
