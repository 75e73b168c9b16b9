using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;

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
            var alert = Assert.Single(
                await rest.AlertsAsync(),
                a => a.StartsWith("restored", StringComparison.Ordinal)
            );
            Assert.Contains($"api {later}", alert, StringComparison.Ordinal);
        }

        // 2. The database is put back with its own tools while the managers run.
        await AloneAsync(
            two,
            "CREATE DATABASE earlier TEMPLATE gatehouse",
            "ALTER DATABASE gatehouse ALLOW_CONNECTIONS true"
        );
        await cluster.Rest.SendAsync(HttpMethod.Post, "applications", new JsonObject { ["name"] = "vanishing" });
        var unsaid = await cluster.Rest.DeployAsync("unsaid", backend.Url);
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
                TimeSpan.FromSeconds(20),
                () => $"an alert names what is undone; {last}"
            );
        }

        var audit = await second.SendAsync(HttpMethod.Get, "audit?limit=20");
        Assert.Contains("put back behind", audit!.ToJsonString(), StringComparison.Ordinal);
        Assert.True((bool)(await second.SendAsync(HttpMethod.Get, "audit/verdict"))!["whole"]!);
        await cluster.Rest.DeployAsync("afterwards", backend.Url);
    }

    // PostgreSQL copies and renames only what nobody is connected to.
    private static async Task AloneAsync(TwoManagers two, params string[] statements)
    {
        await two.Server.ExecuteAsync("postgres", "ALTER DATABASE gatehouse ALLOW_CONNECTIONS false");
        await two.Server.ExecuteAsync(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'gatehouse'"
        );
        foreach (var statement in statements)
        {
            await two.Server.ExecuteAsync("postgres", statement);
        }
    }
}
