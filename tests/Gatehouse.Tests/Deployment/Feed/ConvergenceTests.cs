using CsCheck;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;

namespace Gatehouse.Tests.Feeds;

/// <summary>Whatever happens on the way, a worker that reaches a manager ends where the catalogue is.</summary>
public sealed class ConvergenceTests
{
    private static readonly string[] s_kinds = ["api", "key", "revocation", "node"];

    private enum Step
    {
        Put,
        PutBroken,
        Delete,
        Transaction,
        Cut,
        Damage,
        SwitchManager,
        RestartWorker,
        Restore,
        Purge,
        FlipStore,
        TruncateStore,
        Settle,
    }

    private static readonly Gen<(Step Step, int A, int B)[]> s_history = Gen.Select(
        Gen.Frequency(
            (6, Gen.Const(Step.Put)),
            (1, Gen.Const(Step.PutBroken)),
            (3, Gen.Const(Step.Delete)),
            (3, Gen.Const(Step.Transaction)),
            (2, Gen.Const(Step.Cut)),
            (1, Gen.Const(Step.Damage)),
            (2, Gen.Const(Step.SwitchManager)),
            (2, Gen.Const(Step.RestartWorker)),
            (1, Gen.Const(Step.Restore)),
            (1, Gen.Const(Step.Purge)),
            (1, Gen.Const(Step.FlipStore)),
            (1, Gen.Const(Step.TruncateStore)),
            (3, Gen.Const(Step.Settle))
        ),
        Gen.Int[0, 7],
        Gen.Int[0, 1_000_000]
    ).Array[5, 30];

    [Fact]
    public async Task Any_sequence_of_changes_disconnects_switches_restarts_restores_and_corruptions_converges() =>
        await s_history.SampleAsync(RunAsync, iter: 40, threads: 1);

    private static async Task RunAsync((Step Step, int A, int B)[] history)
    {
        var folder = Directory.CreateTempSubdirectory("gatehouse-converge-").FullName;
        using var catalogue = new CatalogueTwin();
        await using var first = await FeedHost.StartAsync(catalogue);
        await using var second = await FeedHost.StartAsync(catalogue);
        var cut = int.MaxValue;
        var isDamaged = false;
        var options = NodeTwin.Options(first.Address, second.Address) with
        {
            Silence = TimeSpan.FromSeconds(3),
            Connect = a =>
            {
                if (Volatile.Read(ref isDamaged))
                {
                    // A scan is held weakly for other streams that need the same one, and with it the damage that was to
                    // happen on the way: what nobody sends any more is let go here and not at some time.
                    GC.Collect();
                }

                return NodeTwin.Connect(a, () => Interlocked.Exchange(ref cut, int.MaxValue));
            },
        };
        var node = await NodeTwin.StartAsync(folder, options);
        var backup = catalogue.Save();
        var histories = 1;
        try
        {
            foreach (var (step, a, b) in history)
            {
                var kind = s_kinds[a % s_kinds.Length];
                var name = $"n{a / s_kinds.Length}";
                switch (step)
                {
                    case Step.Put:
                        catalogue.Put(kind, name, $"content {b % 3} {new string('x', b % 3000)}");
                        break;
                    case Step.PutBroken:
                        catalogue.Put(kind, name, $"broken {b}");
                        break;
                    case Step.Delete:
                        catalogue.Delete(kind, name);
                        break;
                    case Step.Transaction:
                        catalogue.Commit([
                            .. s_kinds.Select(k => CatalogueTwin.Change(k, "both", b % 4 == 0 ? null : $"at {b}")),
                        ]);
                        break;
                    case Step.Cut:
                        cut = 100 + (b % 3000);
                        node.Managers.Set([second.Address, first.Address]);
                        node = await RestartAsync(node, folder, options);
                        break;
                    case Step.Damage:
                        var left = 2;
                        Volatile.Write(ref isDamaged, true);
                        catalogue.Tamper = c =>
                            Interlocked.Decrement(ref left) >= 0 ? c with { Payload = "?"u8.ToArray() } : c;
                        break;
                    case Step.SwitchManager:
                        node.Managers.Set(b % 2 == 0 ? [first.Address] : [second.Address]);
                        node = await RestartAsync(node, folder, options);
                        break;
                    case Step.RestartWorker:
                        node = await RestartAsync(node, folder, options);
                        break;
                    case Step.Restore:
                        if (b % 2 == 0)
                        {
                            backup = catalogue.Save();
                        }
                        else
                        {
                            catalogue.Restore(backup, $"h{++histories}");
                        }

                        break;
                    case Step.Purge:
                        catalogue.PurgeTombstones();
                        break;
                    case Step.FlipStore:
                    case Step.TruncateStore:
                        await node.DisposeAsync();
                        Damage(Path.Combine(folder, "store.db"), step, b);
                        node = await NodeTwin.StartAsync(folder, options);
                        break;
                    case Step.Settle:
                        await node.ReachesAsync(catalogue.Head);
                        Volatile.Write(ref isDamaged, false);
                        break;
                }
            }

            await node.ReachesAsync(catalogue.Head);
            AssertConverged(catalogue, node);
        }
        finally
        {
            await node.DisposeAsync();
        }

        // And what is on disk is what was served.
        var again = await NodeTwin.StartAsync(folder, options, run: false);
        AssertConverged(catalogue, again);
        await again.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<NodeTwin> RestartAsync(NodeTwin node, string folder, SynchronizerOptions options)
    {
        await node.DisposeAsync();
        return await NodeTwin.StartAsync(folder, options);
    }

    private static void Damage(string file, Step step, int b)
    {
        var bytes = File.ReadAllBytes(file);
        if (step == Step.FlipStore)
        {
            bytes[b % bytes.Length] ^= (byte)(1 << (b % 8));
        }
        else
        {
            bytes = bytes[..(b % bytes.Length)];
        }

        File.WriteAllBytes(file, bytes);
    }

    private static void AssertConverged(CatalogueTwin catalogue, NodeTwin node)
    {
        var live = catalogue.Live;
        var broken = live.Where(r => r.Value.StartsWith("broken", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            broken.Select(r => $"{r.Key.Kind} {r.Key.Name}").Order(StringComparer.Ordinal),
            node.Status.Refusals.Select(r => $"{r.Kind} {r.Name}").Order(StringComparer.Ordinal)
        );
        Assert.Equal(
            live.Keys.Where(k => EntityKinds.IsRestrictive(k.Kind)).Select(k => k.Name).Order(StringComparer.Ordinal),
            node.Target.Closed.Order(StringComparer.Ordinal)
        );

        // A refused one is whatever it last was, or absent; all others are exactly what the catalogue says.
        var refused = broken.Select(r => r.Key).ToHashSet();
        Assert.Equal(
            live.Where(r => !refused.Contains(r.Key)).OrderBy(r => r.Key),
            node.Target.Served.Where(r => !refused.Contains(r.Key)).OrderBy(r => r.Key)
        );
        Assert.All(node.Target.Served.Keys, k => Assert.Contains(k, live.Keys));
        Assert.True(
            catalogue.Head == node.Status.Cursor,
            $"{node.Status.Cursor}: {string.Join("; ", node.Status.Faults)}"
        );
    }
}
