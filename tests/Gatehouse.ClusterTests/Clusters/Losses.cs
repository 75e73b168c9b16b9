using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>What callers notice when a node is killed: nothing. With membership, and without it.</summary>
public abstract class Losses : ClusterTest
{
    private readonly SharedCluster _shared;

    private protected Losses(SharedCluster shared)
    {
        _shared = shared;
        Watched(shared.Cluster);
    }

    private RealCluster Cluster => _shared.Cluster;

    private ClusterNode Worker => Cluster["worker-1"];

    private ClusterNode Other => Cluster["worker-2"];

    private string Key => _shared.Key;

    [Fact]
    public async Task Calls_through_the_balancer_reach_both_workers()
    {
        var (one, two) = (await Worker.AnsweredAsync(), await Other.AnsweredAsync());
        double first = 0;
        double second = 0;

        await using var load = await _shared.LoadAsync();
        // A worker that gets no processor for a while gets less than its share, and its share again once it has one.
        await Eventually.TrueAsync(
            async () =>
            {
                await load.AnswersMoreAsync(200);
                await CountAsync();
                return first > load.Answers / 4.0 && second > load.Answers / 4.0;
            },
            TimeSpan.FromSeconds(60),
            () => $"{load.Answers} calls are shared fairly: {first} and {second}"
        );
        var outcome = await load.StopAsync();

        outcome.HasNoFailure("calls to two workers");
        // A call is counted once it is answered, so after its caller knows.
        await Eventually.TrueAsync(
            async () =>
            {
                await CountAsync();
                return first + second >= outcome.Answers;
            },
            TimeSpan.FromSeconds(60),
            () => $"{outcome.Answers} answers are counted: {first} and {second}"
        );
        Print($"worker-1 answered {first}, worker-2 {second}");
        Assert.Equal(outcome.Answers, first + second);

        async Task CountAsync() =>
            (first, second) = (await Worker.AnsweredAsync() - one, await Other.AnsweredAsync() - two);
    }

    [Fact]
    public async Task A_worker_killed_under_load_costs_no_request_and_is_lost_in_status_within_three_seconds()
    {
        await using var load = await _shared.LoadAsync();

        await Worker.KillAsync();
        var killed = FairClock.Start();
        await Eventually.TrueAsync(
            async () => await Cluster.Rest.StateOfAsync("worker-1") == "lost",
            TimeSpan.FromSeconds(60),
            () => "worker-1 is lost in status"
        );
        killed.WasWithin(TimeSpan.FromSeconds(3), "lost in status");
        await load.AnswersMoreAsync(200);
        (await load.StopAsync()).HasNoFailure("kill -9 of a worker");

        await Worker.StartReadyAsync();
        await Cluster.ServesAsync("worker-1");
        // The balancer takes it back by itself.
        await using var again = await _shared.LoadAsync();
        await Eventually.TrueAsync(
            async () => await Worker.AnsweredAsync() > 20,
            TimeSpan.FromSeconds(60),
            () => "the worker that is back gets requests"
        );
        (await again.StopAsync()).HasNoFailure("return of a worker");
    }

    [Fact]
    public async Task A_killed_worker_restarts_from_its_own_store_and_catches_up_with_what_was_deployed_meanwhile()
    {
        await Worker.KillAsync();
        var api = await Cluster.Rest.DeployAsync("meanwhile", _shared.Backend.Url, "none", wait: false);
        await Cluster.AnswersAsync(Other.Url("/meanwhile/1.0.0/x"), null, HttpStatusCode.OK);
        Assert.NotEqual("applied", await Cluster.Rest.DeploymentOnAsync(api, "worker-1"));

        await Worker.StartReadyAsync();

        Assert.Equal(HttpStatusCode.OK, (await Cluster.CallAsync(Worker.Url("/things/1.0.0/x"), Key)).Status);
        await Cluster.AnswersAsync(Worker.Url("/meanwhile/1.0.0/x"), null, HttpStatusCode.OK);
        await Eventually.TrueAsync(
            async () => await Cluster.Rest.DeploymentOnAsync(api, "worker-1") == "applied",
            TimeSpan.FromSeconds(60),
            () => "worker-1 reports what it caught up with"
        );
        await Cluster.ServesAsync("worker-1");
    }

    [Fact]
    public async Task A_killed_manager_changes_nothing_for_callers_workers_restart_without_it_and_changes_flow_again_when_it_is_back()
    {
        await using var load = await _shared.LoadAsync();

        await Cluster.Manager.KillAsync();
        await load.AnswersMoreAsync(300);
        (await load.StopAsync()).HasNoFailure("kill -9 of the manager");

        // Both at once: neither can lend to the other.
        await Task.WhenAll(Worker.KillAsync(), Other.KillAsync());
        var restarted = Stopwatch.StartNew();
        await Task.WhenAll(Worker.StartReadyAsync(), Other.StartReadyAsync());
        Print(
            string.Create(
                CultureInfo.InvariantCulture,
                $"two workers were ready without a manager {restarted.Elapsed.TotalSeconds:0.0} s after their start"
            )
        );
        foreach (var worker in Cluster.Workers)
        {
            Assert.Equal(HttpStatusCode.OK, (await Cluster.CallAsync(worker.Url("/things/1.0.0/x"), Key)).Status);
        }

        await Cluster.AnswersAsync(_shared.Url, Key, HttpStatusCode.OK);

        await Cluster.Manager.StartAsync();
        await Cluster.ServesAsync([.. Cluster.Nodes.Select(node => node.Name)]);
        await Cluster.Rest.DeployAsync("afterwards", _shared.Backend.Url, "none");
        foreach (var worker in Cluster.Workers)
        {
            Assert.Equal(HttpStatusCode.OK, (await Cluster.CallAsync(worker.Url("/afterwards/1.0.0/x"), null)).Status);
        }
    }

    [Fact]
    public async Task A_revoked_key_or_token_is_refused_everywhere_within_a_second_and_after_a_restart_without_manager()
    {
        var application = $"short-lived {Guid.NewGuid():N}";
        var tokens = await Cluster.Rest.DeployAsync("tokens", _shared.Backend.Url, "oauth2");
        var (id, secret) = await Cluster.Rest.CreateKeyAsync(application, "things:1.0.0", tokens);
        foreach (var worker in Cluster.Workers)
        {
            await Cluster.AnswersAsync(worker.Url("/things/1.0.0/x"), secret, HttpStatusCode.OK);
        }

        // Got, used and revoked at the gateway's own ports, as clients of old installations do.
        var made = await Cluster.Rest.SendAsync(
            HttpMethod.Post,
            $"applications/{Uri.EscapeDataString(application)}/keys",
            new JsonObject { ["type"] = "oauth2" }
        );
        var client = $"{(string?)made!["key"]!["clientId"]}:{(string?)made["secret"]}";
        var granted = await FormAsync(Worker, "/token", client, "grant_type=client_credentials");
        var token = (string)JsonNode.Parse(granted)!["access_token"]!;
        foreach (var worker in Cluster.Workers)
        {
            await AnswersTokenAsync(worker, token, HttpStatusCode.OK);
        }

        await FormAsync(Other, "/revoke", client, $"token={token}");
        var ended = FairClock.Start();
        await Task.WhenAll(Cluster.Workers.Select(w => AnswersTokenAsync(w, token, HttpStatusCode.Unauthorized)));
        ended.WasWithin(TimeSpan.FromSeconds(1), "a token refused on every worker");

        await Cluster.Rest.RevokeKeyAsync(id);
        var revoked = FairClock.Start();
        await Task.WhenAll(
            Cluster.Workers.Select(worker =>
                Cluster.AnswersAsync(worker.Url("/things/1.0.0/x"), secret, HttpStatusCode.Unauthorized)
            )
        );
        revoked.WasWithin(TimeSpan.FromSeconds(1), "refused on every worker");

        await Cluster.Manager.KillAsync();
        await Worker.KillAsync();
        await Worker.StartReadyAsync();
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await Cluster.CallAsync(Worker.Url("/things/1.0.0/x"), secret)).Status
        );
        Assert.Equal(HttpStatusCode.OK, (await Cluster.CallAsync(Worker.Url("/things/1.0.0/x"), Key)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, await CallWithTokenAsync(Worker, token));

        await Cluster.Manager.StartAsync();
        await Cluster.ServesAsync([.. Cluster.Nodes.Select(node => node.Name)]);

        // None of it is in the log of any node, nor in the audit.
        var audit = (await Cluster.Rest.SendAsync(HttpMethod.Get, "audit?limit=500"))!.ToJsonString();
        Assert.Contains(id, audit, StringComparison.Ordinal);
        foreach (var text in new[] { Cluster.Output, audit })
        {
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain(client.Split(':')[1], text, StringComparison.Ordinal);
            Assert.DoesNotContain(token, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Workers_and_balancer_started_before_the_manager_form_the_cluster()
    {
        await Task.WhenAll(Cluster.Nodes.Select(node => node.KillAsync()));

        foreach (var node in Cluster.Workers.Concat(Cluster.Balancers))
        {
            await node.StartReadyAsync();
        }

        await Cluster.AnswersAsync(_shared.Url, Key, HttpStatusCode.OK);
        await Cluster.Manager.StartAsync();

        await Cluster.ServesAsync([.. Cluster.Nodes.Select(node => node.Name)]);
        await FormsAsync(Cluster);
    }

    private protected virtual Task FormsAsync(RealCluster cluster) => Task.CompletedTask;

    private async Task<string> FormAsync(ClusterNode node, string path, string client, string form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, node.Url(path));
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(client)));
        request.Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await Cluster.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path} at {node.Name}: {(int)response.StatusCode} {text}");
        return text;
    }

    private async Task<HttpStatusCode> CallWithTokenAsync(ClusterNode worker, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, worker.Url("/tokens/1.0.0/x"));
        request.Headers.Authorization = new("Bearer", token);
        using var response = await Cluster.Http.SendAsync(request);
        return response.StatusCode;
    }

    private Task AnswersTokenAsync(ClusterNode worker, string token, HttpStatusCode expected)
    {
        var last = default(HttpStatusCode);
        return Eventually.TrueAsync(
            async () => (last = await CallWithTokenAsync(worker, token)) == expected,
            TimeSpan.FromSeconds(60),
            () => $"{worker.Name} answers the token with {expected}; last {last}\n{Cluster.Output}"
        );
    }
}

[Collection(SharedClusterUsers.Name)]
public sealed class LossTests(SharedCluster shared) : Losses(shared)
{
    private protected override async Task FormsAsync(RealCluster cluster)
    {
        var states = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var members = await cluster.Rest.SendAsync(HttpMethod.Get, "members");
                states = members!.ToJsonString();
                return members["members"]!.AsArray().Count(m => (string?)m!["state"] == "up") == cluster.Nodes.Count;
            },
            TimeSpan.FromSeconds(120),
            () => $"all members are up: {states}"
        );
    }
}

public sealed class LossWithoutMembershipTests(SharedClusterWithoutMembership shared)
    : Losses(shared),
        IClassFixture<SharedClusterWithoutMembership>
{
    private protected override async Task FormsAsync(RealCluster cluster) =>
        Assert.False((await cluster.Rest.SendAsync(HttpMethod.Get, "members"))!["enabled"]!.GetValue<bool>());
}
