using CsCheck;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Throttling;

public sealed class EvenSharesTests
{
    private static readonly FakeTimeProvider s_time = new();
    private static readonly long s_second = s_time.TimestampFrequency;

    [Fact]
    public void The_parts_of_all_workers_add_up_to_the_limit_and_differ_by_one_at_most() =>
        Gen.Select(Gen.Long[1, 100_000], Gen.Int[1, 40], Gen.UInt)
            .Sample(
                (amount, workers, turn) =>
                {
                    var parts = Enumerable
                        .Range(0, workers)
                        .Select(rank => EvenShares.Part(amount, workers, rank, turn))
                        .ToList();

                    Assert.Equal(amount, parts.Sum());
                    Assert.InRange(parts.Max() - parts.Min(), 0, 1);
                }
            );

    [Fact]
    public void What_does_not_divide_goes_to_another_worker_for_another_key()
    {
        var lucky = Enumerable
            .Range(0, 1000)
            .Select(i => default(LimitKey).With($"app-{i}").Turn)
            .GroupBy(turn => Enumerable.Range(0, 4).Single(rank => EvenShares.Part(1, 4, rank, turn) == 1))
            .ToDictionary(g => g.Key, g => g.Count());

        Assert.All(Enumerable.Range(0, 4), rank => Assert.InRange(lucky[rank], 150, 350));
    }

    [Fact]
    public void Workers_that_know_different_lists_never_enforce_more_than_the_limit_together() =>
        Gen.Select(Gen.Int[1, 5], Gen.Bool, Gen.Long[1, 1000], Gen.Double[0, 0.99].Array[6], Gen.Double[0, 70].Array[8])
            .Sample(
                (count, joins, amount, delays, moments) =>
                {
                    // One worker joins, or the last one leaves, at second 0; each hears of it within the second that settling
                    // allows.
                    var before = Names(count);
                    var after = joins ? Names(count + 1) : Names(count - 1);
                    var limit = Minute(amount);
                    var counter = new LimitCounter(default(LimitKey).With("key"), limit, 0);
                    foreach (var moment in moments.Concat(delays).Select(m => (long)(m * s_second)))
                    {
                        var sum = 0L;
                        for (var i = 0; i < before.Length; i++)
                        {
                            var learnt = (long)(delays[i] * s_second);
                            var isGone = !joins && i == count - 1;
                            var shares = EvenShares.Of(before, before[i]);
                            shares = moment >= learnt ? shares.After(after, 7, learnt) : shares;
                            sum += isGone ? 0 : shares.Allowance(counter, limit, moment);
                        }

                        if (joins)
                        {
                            sum += EvenShares.Of(after, after[^1], (7, 0)).Allowance(counter, limit, moment);
                        }

                        Assert.True(sum <= amount, $"{sum} of {amount} at {moment}");
                    }
                },
                iter: 2000
            );

    [Fact]
    public void A_newcomer_begins_with_nothing_and_has_its_part_soon()
    {
        var limit = Minute(300);
        var counter = new LimitCounter(default(LimitKey).With("key"), limit, 0);
        var shares = EvenShares.Of(Names(3), "w2", (7, 0));

        Assert.Equal(0, shares.Allowance(counter, limit, s_second));
        Assert.Equal(50, shares.Allowance(counter, limit, 11 * s_second));
        Assert.Equal(100, shares.Allowance(counter, limit, 61 * s_second));
    }

    [Fact]
    public void A_limit_that_came_after_the_list_is_granted_in_full_at_once()
    {
        var limit = new Limit("new", Quota.Requests(300, TimeSpan.FromMinutes(1)), isRate: false, epoch: 8, s_time);
        var counter = new LimitCounter(default(LimitKey).With("key"), limit, 0);

        Assert.Equal(100, EvenShares.Of(Names(3), "w2", (7, 0)).Allowance(counter, limit, 0));
    }

    [Fact]
    public void A_worker_that_is_not_registered_grants_nothing_and_one_without_a_cluster_all()
    {
        var limit = Minute(300);
        var counter = new LimitCounter(default(LimitKey).With("key"), limit, 0);

        Assert.Equal(0, EvenShares.Of(Names(2), "evicted").Allowance(counter, limit, 0));
        Assert.Equal(300, EvenShares.Alone.Allowance(counter, limit, 0));
    }

    [Fact]
    public void Workers_together_never_admit_more_than_the_limit_in_any_period() =>
        Gen.Select(Gen.Int[1, 6], Gen.Long[1, 200], Gen.Int[0, 5].Array[200, 2000])
            .Sample(
                (workers, amount, picks) =>
                {
                    var limit = Minute(amount);
                    var key = default(LimitKey).With("key");
                    var nodes = Names(workers)
                        .Select(n =>
                            (Shares: EvenShares.Of(Names(workers), n), Counter: new LimitCounter(key, limit, 0))
                        )
                        .ToArray();
                    var (log, now) = (new List<long>(), 0L);
                    foreach (var pick in picks)
                    {
                        now += pick * s_second / 10;
                        var (shares, counter) = nodes[pick % workers];
                        if (counter.TryUse(limit, shares.Allowance(counter, limit, now), now, out _))
                        {
                            log.Add(now);
                        }

                        Assert.True(log.Count(t => t > now - limit.Period) <= amount);
                    }
                },
                iter: 30
            );

    private static Limit Minute(long amount) =>
        new("x", Quota.Requests(amount, TimeSpan.FromMinutes(1)), isRate: false, epoch: 1, s_time);

    private static string[] Names(int count) => [.. Enumerable.Range(0, count).Select(i => $"w{i}")];
}
