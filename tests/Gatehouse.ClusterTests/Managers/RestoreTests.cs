using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;
using Npgsql;

namespace Gatehouse.ClusterTests.Managers;

public sealed class RestoreTests : ClusterTest
{
    [Fact]
    public async Task After_a_restore_said_or_unsaid_workers_serve_on_read_everything_and_managers_tell_what_is_undone()
    {
        await using var two = await TwoManagers.StartAsync(workers: 1);
        var cluster = Watched(two.Cluster);
        await using var backend = await TestBackend.StartAsync();
        var kept = await cluster.Rest.DeployAsync("kept", backend.Url);
        var (_, key) = await cluster.Rest.CreateKeyAsync("caller", kept);
        var worker = cluster["worker-1"];
        await cluster.AnswersAsync(worker.Url("/kept/1.0.0/x"), key, HttpStatusCode.OK);
        using var second = cluster.RestOf(two.Second);
        var file = Path.Combine(cluster.Directory, "one.backup");

        // 1. A backup beside running managers, a change after it, and the restore beside running managers.
        var (made, _, said) = await cluster.RunAsync("backup", "create", file, "--data", two.First.Data);
        Assert.True(made == 0, said);
        var (verified, _, verdict) = await cluster.RunAsync("backup", "verify", file);
        Assert.True(verified == 0, verdict);
        var later = await cluster.Rest.DeployAsync("later", backend.Url);
        await using (var load = await SteadyLoad.StartAsync([worker.Url("/kept/1.0.0/x")], key, cluster.Authority, 4))
        {
            var (restored, _, told) = await cluster.RunAsync(
                "backup",
                "restore",
                file,
                "--yes",
                "--data",
                two.Second.Data
            );
            Assert.True(restored == 0, told);
            Assert.Contains($"api {later}", told, StringComparison.Ordinal);
            await cluster.AnswersAsync(worker.Url("/later/1.0.0/x"), key, HttpStatusCode.NotFound);
            await load.AnswersMoreAsync(50);
            (await load.StopAsync()).HasNoFailure("a restore");
        }

        foreach (var rest in new[] { cluster.Rest, second })
        {
            IReadOnlyList<string> alerts = [];
            await Eventually.TrueAsync(
                async () =>
                    (alerts = await rest.AlertsAsync()).Any(a => a.StartsWith("restored", StringComparison.Ordinal)),
                TimeSpan.FromSeconds(60),
                () => $"an alert tells of the restore; {string.Join('\n', alerts)}"
            );
            var alert = Assert.Single(alerts, a => a.StartsWith("restored", StringComparison.Ordinal));
            Assert.Contains($"api {later}", alert, StringComparison.Ordinal);
        }

        // 2. The database is put back with its own tools while the managers run.
        await AloneAsync(
            two,
            "CREATE DATABASE earlier TEMPLATE gatehouse",
            "ALTER DATABASE gatehouse ALLOW_CONNECTIONS true"
        );
        // A manager may meet one of the connections that were cut, and says so.
        await PastCutConnectionsAsync(() =>
            cluster.Rest.SendAsync(HttpMethod.Post, "applications", new JsonObject { ["name"] = "vanishing" })
        );
        var unsaid = await PastCutConnectionsAsync(() => cluster.Rest.DeployAsync("unsaid", backend.Url));
        await cluster.AnswersAsync(worker.Url("/unsaid/1.0.0/x"), key, HttpStatusCode.Forbidden);
        await using (var load = await SteadyLoad.StartAsync([worker.Url("/kept/1.0.0/x")], key, cluster.Authority, 4))
        {
            await AloneAsync(
                two,
                "ALTER DATABASE gatehouse RENAME TO was",
                "ALTER DATABASE earlier ALLOW_CONNECTIONS true",
                "ALTER DATABASE earlier RENAME TO gatehouse"
            );
            await cluster.AnswersAsync(worker.Url("/unsaid/1.0.0/x"), key, HttpStatusCode.NotFound);
            await load.AnswersMoreAsync(50);
            (await load.StopAsync()).HasNoFailure("a database put back");
        }

        foreach (var rest in new[] { cluster.Rest, second })
        {
            var last = "";
            await Eventually.TrueAsync(
                async () =>
                {
                    last = string.Join('\n', await rest.AlertsAsync());
                    return last.Contains("put back behind", StringComparison.Ordinal)
                        && last.Contains($"api {unsaid}", StringComparison.Ordinal);
                },
                TimeSpan.FromSeconds(60),
                () => $"an alert names what is undone; {last}"
            );
        }

        var audit = "";
        await Eventually.TrueAsync(
            async () =>
            {
                audit = (await second.SendAsync(HttpMethod.Get, "audit?limit=20"))!.ToJsonString();
                return audit.Contains("put back behind", StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(60),
            () => $"the audit tells of it; {audit}"
        );
        Assert.True((bool)(await second.SendAsync(HttpMethod.Get, "audit/verdict"))!["whole"]!);
        await cluster.Rest.DeployAsync("afterwards", backend.Url);
    }

    // PostgreSQL copies and renames only what nobody is connected to.
    private static async Task AloneAsync(TwoManagers two, params string[] statements)
    {
        await two.Server.ExecuteAsync("postgres", "ALTER DATABASE gatehouse ALLOW_CONNECTIONS false");
        foreach (var statement in statements)
        {
            await Eventually.TrueAsync(
                async () =>
                {
                    await two.Server.ExecuteAsync(
                        "postgres",
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('gatehouse', 'was')"
                    );
                    try
                    {
                        await two.Server.ExecuteAsync("postgres", statement);
                        return true;
                    }
                    catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ObjectInUse)
                    {
                        // Whoever was told to end is still at it.
                        return false;
                    }
                },
                TimeSpan.FromSeconds(60),
                () => $"nobody is connected: {statement}"
            );
        }
    }

    private static async Task<T> PastCutConnectionsAsync<T>(Func<Task<T>> ask)
    {
        T answer = default!;
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    answer = await ask();
                    return true;
                }
                catch (Xunit.Sdk.XunitException e) when (e.Message.Contains(": 503", StringComparison.Ordinal))
                {
                    return false;
                }
            },
            TimeSpan.FromSeconds(60),
            () => "the managers are connected again"
        );
        return answer;
    }
}
