using CsCheck;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Throttling;

public sealed class SlidingWindowTests
{
    private const long Period = 128_000;

    /// <summary>Arrivals in ticks: evenly, in bursts with silences, and with gaps of every size.</summary>
    private static readonly Gen<long[]> s_arrivals = Gen.OneOf(
            Gen.Long[0, 2_000].Array[1, 600],
            Gen.Frequency((9, Gen.Const(0L)), (1, Gen.Long[0, 2 * Period])).Array[1, 600],
            Gen.Int[0, 18].Select(power => 1L << power).Array[1, 400]
        )
        .Select(gaps =>
        {
            var at = 5_000_000L;
            return gaps.Select(gap => at += gap).ToArray();
        });

    [Fact]
    public void No_stretch_of_a_period_sees_more_than_the_limit_and_nothing_waits_longer_than_one_part_more() =>
        Gen.Select(s_arrivals, Gen.Long[1, 60])
            .Sample(
                (arrivals, limit) =>
                {
                    var window = new SlidingWindow(Period, arrivals[0]);
                    var log = new List<long>();
                    foreach (var now in arrivals)
                    {
                        if (window.TryUse(1, limit, now, out _))
                        {
                            log.Add(now);
                            Assert.True(log.Count(t => t > now - Period) <= limit);
                        }
                        else
                        {
                            // Time is counted in parts of a 128th; a use is forgotten with its whole part.
                            Assert.True(log.Count(t => t > now - Period - (Period / 128)) >= limit);
                        }
                    }
                },
                iter: 400
            );

    [Fact]
    public void A_steady_overload_gets_within_one_percent_and_one_gap_of_arrivals_of_what_an_exact_log_would_grant() =>
        Gen.Select(Gen.Long[20, 400], Gen.Int[2, 20])
            .Sample(
                (limit, overload) =>
                {
                    var (window, exact, granted, ideal) = (new SlidingWindow(Period, 0), new Queue<long>(), 0, 0);
                    var gap = Math.Max(1, Period / (limit * overload));
                    for (long now = 0; now < 40 * Period; now += gap)
                    {
                        while (exact.Count > 0 && exact.Peek() <= now - Period)
                        {
                            exact.Dequeue();
                        }

                        if (exact.Count < limit)
                        {
                            exact.Enqueue(now);
                            ideal++;
                        }

                        granted += window.TryUse(1, limit, now, out _) ? 1 : 0;
                    }

                    // What becomes free between two arrivals waits for the second.
                    var betweenArrivals = (double)gap / Period;
                    Assert.InRange(granted, ideal * (0.99 - betweenArrivals), ideal);
                },
                iter: 30
            );

    [Fact]
    public void What_it_says_to_wait_is_enough_and_less_is_not() =>
        Gen.Select(s_arrivals, Gen.Long[1, 20])
            .Sample(
                (arrivals, limit) =>
                {
                    var window = new SlidingWindow(Period, arrivals[0]);
                    foreach (var now in arrivals)
                    {
                        if (!window.TryUse(1, limit, now, out _))
                        {
                            var wait = window.UntilAllowed(1, limit, now);
                            Assert.InRange(wait, 1, Period + (Period / 128));
                            Assert.False(window.TryUse(1, limit, now + wait - 1, out _));
                            Assert.True(window.TryUse(1, limit, now + wait, out _));
                            return;
                        }
                    }
                },
                iter: 200
            );

    [Fact]
    public void What_is_taken_back_can_be_used_again()
    {
        var window = new SlidingWindow(Period, 0);
        for (var i = 0; i < 1000; i++)
        {
            Assert.True(window.TryUse(1, 1, 10, out _));
            Assert.False(window.TryUse(1, 1, 10, out _));
            window.Undo(1, 10);
        }

        Assert.Equal(0, window.Used(10));
    }

    [Fact]
    public void A_year_of_silence_leaves_nothing_behind()
    {
        var window = new SlidingWindow(Period, 0);
        Assert.True(window.TryUse(5, 5, 10, out _));

        foreach (var later in (long[])[Period * 2, Period * 1_000_003, Period * 7_000_000_001])
        {
            Assert.Equal(0, window.Used(later));
            Assert.True(window.TryUse(5, 5, later, out _));
        }
    }

    [Fact]
    public void Threads_together_get_exactly_the_limit()
    {
        const int limit = 50_000;
        var (window, granted) = (new SlidingWindow(Period, 0), 0L);

        Parallel.For(
            0,
            4,
            thread =>
            {
                for (var i = 0; i < limit; i++)
                {
                    // All within one period, while the ring turns under them.
                    if (window.TryUse(1, limit, i * (Period - 1000) / limit, out _))
                    {
                        Interlocked.Increment(ref granted);
                    }
                }
            }
        );

        Assert.Equal(limit, granted);
        Assert.Equal(limit, window.Used(Period - 1001));
        Assert.Equal(0, window.Used(3 * Period));
    }

    [Fact]
    public void A_rate_by_the_second_sees_at_most_a_second_more_than_its_share_and_never_refuses_what_comes_evenly() =>
        Gen.Select(s_arrivals, Gen.Long[1, 100])
            .Sample(
                (arrivals, rate) =>
                {
                    var (cells, log) = (new CellRate(), new List<long>());
                    foreach (var now in arrivals)
                    {
                        if (cells.TryUse(rate, Period, now, out _))
                        {
                            log.Add(now);
                        }

                        foreach (var seconds in (int[])[1, 2, 5])
                        {
                            Assert.True(log.Count(t => t > now - (seconds * Period)) <= (seconds + 1) * rate);
                        }
                    }

                    var even = new CellRate();
                    for (var i = 0L; i < 300; i++)
                    {
                        Assert.True(even.TryUse(rate, Period, 1000 + (i * ((Period + rate - 1) / rate)), out _));
                    }
                },
                iter: 100
            );

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public void A_rate_lets_its_number_in_at_once_and_not_one_more(int rate)
    {
        var cells = new CellRate();

        Assert.Equal(rate, Enumerable.Range(0, 3 * rate).Count(n => cells.TryUse(rate, Period, 77, out _)));
        Assert.InRange(cells.UntilAllowed(rate, Period, 77), 1, (Period / rate) + 1);
    }

    [Fact]
    public void Bytes_are_counted_when_they_are_known_and_large_quotas_by_the_KiB()
    {
        var time = new FakeTimeProvider();
        var limit = new Limit("big", Quota.Bytes(1L << 40, TimeSpan.FromDays(1)), isRate: false, 0, time);
        var counter = new LimitCounter(default(LimitKey).With("x"), limit, 0);

        Assert.True(counter.TryUse(limit, limit.Amount, 0, out _));
        for (var i = 0; i < 1024; i++)
        {
            counter.Charge(limit, 1L << 30, 0);
        }

        Assert.False(counter.TryUse(limit, limit.Amount, 0, out _));
        Assert.True(counter.TryUse(limit, limit.Amount, limit.Period * 2, out _));
    }
}
