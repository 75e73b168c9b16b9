using Gatehouse.Gateway.Throttling;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;

namespace Gatehouse.Tests.Gateway.Throttling;

[Collection(TransportRunsAlone.Name)]
public sealed class CounterStoreTests
{
    private static readonly Limit s_thousand = new(
        "x",
        Quota.Requests(1000, TimeSpan.FromHours(1)),
        isRate: false,
        0,
        TimeProvider.System
    );

    [Fact]
    public void A_million_keys_take_no_more_room_than_allowed_and_nobody_exceeds_by_more_than_one_percent_a_push()
    {
        var store = new CounterStore(1024);
        var heavy = Enumerable.Range(0, 100).Select(i => Key($"heavy-{i}")).ToArray();
        var granted = new int[heavy.Length];
        var counters = new LimitCounter?[heavy.Length];
        var (inThisOne, inOthers) = (new int[heavy.Length], new int[heavy.Length]);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var i = 0; i < 1_000_000; i++)
        {
            Use(store, Key(i));
            if (i % 5 == 0)
            {
                var who = i / 5 % heavy.Length;
                var counter = store.Open(heavy[who], s_thousand, 0);
                if (counters[who] is { } last && last != counter)
                {
                    // A counter of one's own gives way only while it has counted next to nothing.
                    Assert.True(last.Key.Id != heavy[who].Id || inThisOne[who] <= 10);
                    inOthers[who] += inThisOne[who];
                    inThisOne[who] = 0;
                }

                counters[who] = counter;
                if (counter.TryUse(s_thousand, s_thousand.Amount, 0, out _))
                {
                    granted[who]++;
                    inThisOne[who]++;
                }
            }
        }

        // 200 000 uses of 100 keys are twice their limits.
        Assert.All(granted.Zip(inOthers), who => Assert.InRange(who.First, 0, 1000 + who.Second));
        Assert.True(store.Count <= store.Capacity);
        Assert.Equal(1024, store.Capacity);
        Assert.True(store.Evicted > 0);
        // A million windows would be a GiB.
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 128 << 20);
        GC.KeepAlive(store);
    }

    [Fact]
    public void A_counter_that_ran_empty_gives_way_before_any_other()
    {
        var store = new CounterStore(16);

        // Keys choose their places by chance: it takes some more than sixteen until all are taken.
        for (var i = 0; store.Count < store.Capacity; i++)
        {
            Use(store, Key(i));
        }

        var (evicted, shared) = (store.Evicted, store.Shared);
        var later = s_thousand.Period * 3;
        Assert.True(store.Open(Key("late"), s_thousand, later).TryUse(s_thousand, 1000, later, out _));

        Assert.Equal(evicted, store.Evicted);
        Assert.Equal(shared, store.Shared);
    }

    [Fact]
    public void A_newcomer_among_strong_counters_shares_one_and_so_cannot_exceed()
    {
        var store = new CounterStore(16);
        for (var i = 0; i < 200; i++)
        {
            for (var n = 0; n < 50; n++)
            {
                Use(store, Key(i));
            }
        }

        Assert.True(store.Shared > 0);
        var newcomer = Key("newcomer");
        Assert.InRange(Enumerable.Range(0, 2000).Count(_ => Use(store, newcomer)), 0, 1000);
    }

    [Fact]
    public void Threads_that_open_one_key_get_one_counter()
    {
        for (var round = 0; round < 200; round++)
        {
            var store = new CounterStore(64);
            var found = new LimitCounter[4];
            Parallel.For(0, found.Length, i => found[i] = store.Open(Key("one"), s_thousand, 0));

            Assert.Single(found.Distinct());
        }
    }

    [Fact]
    public void Finding_and_using_a_counter_allocates_nothing()
    {
        var (store, key) = (new CounterStore(64), Key("one"));
        Use(store, key);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            store.Open(default(LimitKey).With("one"), s_thousand, i).TryUse(s_thousand, 1000, i, out _);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Parts_of_a_key_do_not_run_together()
    {
        Assert.NotEqual(Key("ab").With("c"), Key("a").With("bc"));
        Assert.NotEqual(Key("a"), Key("a").With(""));
        Assert.Equal(Key("a").With("b"), Key("a").With("b"));
        Assert.Equal(100_000, Enumerable.Range(0, 100_000).Select(i => Key(i).Id).Distinct().Count());
    }

    private static bool Use(CounterStore store, LimitKey key) =>
        store.Open(key, s_thousand, 0).TryUse(s_thousand, s_thousand.Amount, 0, out _);

    private static LimitKey Key(string name) => default(LimitKey).With(name);

    private static LimitKey Key(int number) => default(LimitKey).With(number);
}
