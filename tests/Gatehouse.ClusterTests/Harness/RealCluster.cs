using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>
/// A cluster of real processes on this machine, founded and joined with the commands a user types. Every node has its own data
/// directory; all of it goes with the test, the processes even when the test runner is killed.
/// </summary>
internal sealed class RealCluster : IAsyncDisposable
{
    private readonly List<ClusterNode> _nodes = [];
    private readonly int _offset = Machine.TakeOffset();
    private int _added;

    public RealCluster(string name = "test", params string[] settings)
        : this(name, network: null, host: "127.0.0.1", settings) { }

    /// <summary>With the manager on another host than this machine.</summary>
    public RealCluster(
        string name,
        string? network,
        string host,
        IReadOnlyList<string>? settings = null,
        string profile = "control-plane"
    )
    {
        Name = name;
        Settings = settings ?? [];
        Environment = new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Path.Combine(Directory, "config") };
        Manager = Add("manager-1", profile, network, host);
    }

    public string Name { get; }

    /// <summary>Settings of every node, each <c>key=value</c>.</summary>
    public IReadOnlyList<string> Settings { get; }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("gatehouse-cluster-").FullName;

    /// <summary>For every process: the user's credentials are the test's own.</summary>
    public Dictionary<string, string> Environment { get; }

    public ClusterNode Manager { get; }

    public IReadOnlyList<ClusterNode> Nodes => _nodes;

    public IEnumerable<ClusterNode> Workers => _nodes.Where(node => node.Profile == "gateway-worker");

    public IEnumerable<ClusterNode> Balancers => _nodes.Where(node => node.Profile == "load-balancer");

    public ClusterNode this[string name] => _nodes.Single(node => node.Name == name);

    /// <summary>The PEM of its certificate authority.</summary>
    public string Authority { get; private set; } = "";

    public string AccessToken { get; private set; } = "";

    /// <summary>The link by which the first administrator sets a password.</summary>
    public string SignIn { get; private set; } = "";

    [field: AllowNull]
    public ManagerApi Rest
    {
        get => field ?? throw new InvalidOperationException("The manager has not said hello yet.");
        private set;
    }

    /// <summary>Trusts this cluster's authority.</summary>
    [field: AllowNull]
    public HttpClient Http
    {
        get => field ?? throw new InvalidOperationException("The manager has not said hello yet.");
        private set;
    }

    /// <summary>For loopback ports without TLS.</summary>
    public HttpClient Plain { get; } =
        new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>The log of every node, for the message of a failed test.</summary>
    public string Output => string.Join("\n\n", _nodes.Select(node => $"===== {node.Name}\n{node.Output}"));

    /// <summary>Founds a cluster with so many workers and balancers, and returns when all serve.</summary>
    public static async Task<RealCluster> StartAsync(
        int workers = 2,
        int balancers = 1,
        string name = "test",
        params string[] settings
    )
    {
        var cluster = new RealCluster(name, settings);
        try
        {
            for (var i = 1; i <= workers; i++)
            {
                cluster.Add($"worker-{i}", "gateway-worker");
            }

            for (var i = 1; i <= balancers; i++)
            {
                cluster.Add($"balancer-{i}", "load-balancer");
            }

            await cluster.FoundAsync();
            await cluster.JoinAsync([.. cluster._nodes.Skip(1)]);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a node; nothing is started.</summary>
    public ClusterNode Add(
        string name,
        string profile,
        string? network = null,
        string host = "127.0.0.1",
        params string[] settings
    )
    {
        var node = new ClusterNode(this, name, profile, _offset + _added++)
        {
            Network = network,
            Host = host,
            Settings = settings,
        };
        _nodes.Add(node);
        return node;
    }

    /// <summary>Evicts a node and forgets it.</summary>
    public async Task RemoveAsync(ClusterNode node)
    {
        await Rest.SendAsync(HttpMethod.Delete, $"nodes/{node.Name}");
        await node.DisposeAsync();
        _nodes.Remove(node);
    }

    /// <summary>Starts the first manager and reads what it says to a script.</summary>
    public async Task FoundAsync()
    {
        await Manager.StartAsync();
        await Eventually.TrueAsync(
            () => Manager.Process.StandardOutput.EndsWith("\n}", StringComparison.Ordinal) || Manager.Process.HasExited,
            TimeSpan.FromSeconds(90),
            () => $"the manager's welcome\n{Manager.Output}"
        );
        Assert.False(Manager.Process.HasExited, Manager.Output);
        var welcome = JsonNode.Parse(Manager.Process.StandardOutput)!;
        AccessToken = welcome["accessToken"]!.GetValue<string>();
        SignIn = welcome["signIn"]!.GetValue<string>();
        Authority = await File.ReadAllTextAsync(welcome["authority"]!.GetValue<string>());
        Believe(Authority);
    }

    /// <summary>Takes another authority for what the test itself asks.</summary>
    public void Believe(string authority)
    {
        Authority = authority;
        Rest = RestOf(Manager);
        Http = Trust.ClientOf(authority);
        Http.Timeout = TimeSpan.FromSeconds(30);
    }

    /// <summary>The REST API of one manager.</summary>
    public ManagerApi RestOf(ClusterNode manager) =>
        new(
            new(string.Create(CultureInfo.InvariantCulture, $"https://{manager.Host}:{manager.ManagementHttps}")),
            Authority,
            AccessToken
        );

    /// <summary>Lets nodes join with a token each, all at once, and returns when <c>status</c> shows them serving.</summary>
    public async Task JoinAsync(params ClusterNode[] nodes)
    {
        await Task.WhenAll(
            nodes.Select(async node => await node.StartAsync(await Rest.CreateTokenAsync(node.Profile, node.Name)))
        );
        await ServesAsync([.. nodes.Select(node => node.Name)]);
    }

    /// <summary>Completes when <c>status</c> shows every one of these as serving.</summary>
    public async Task ServesAsync(params string[] nodes)
    {
        var states = "";
        await Eventually.TrueAsync(
            async () =>
            {
                foreach (var name in nodes)
                {
                    Assert.False(this[name].Process.HasExited, $"{name} ended:\n{this[name].Output}");
                }

                if (!await Rest.AnswersAsync())
                {
                    states = "the manager does not answer";
                    return false;
                }

                var seen = await Task.WhenAll(nodes.Select(async name => (name, state: await Rest.StateOfAsync(name))));
                states = string.Join(", ", seen.Select(s => $"{s.name} {s.state}"));
                return seen.All(s => s.state == "serving");
            },
            // A start costs seconds of processor time, a manager's several; the machine may have other work.
            TimeSpan.FromSeconds(Math.Max(90, 30 * nodes.Length)),
            () => $"all serve: {states}\n{Output}"
        );
    }

    /// <summary>Calls an address until it answers with this status.</summary>
    public async Task AnswersAsync(Uri url, string? key, HttpStatusCode expected, TimeSpan? within = null)
    {
        var last = "nothing";
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    var (status, body) = await CallAsync(url, key);
                    last = $"{(int)status} {body}";
                    return status == expected;
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                {
                    last = e.Message;
                    return false;
                }
            },
            within ?? TimeSpan.FromSeconds(60),
            () => $"{url} answers {(int)expected}; last {last}\n{Output}"
        );
    }

    /// <summary>Calls a path at every worker and balancer until each answers with 200: a key comes to one before the other.</summary>
    public async Task AnswersEverywhereAsync(string path, string? key)
    {
        foreach (var node in Workers.Concat(Balancers).ToList())
        {
            await AnswersAsync(node.Url(path), key, HttpStatusCode.OK);
        }
    }

    /// <summary>Calls an address once.</summary>
    public async Task<(HttpStatusCode Status, string Body)> CallAsync(Uri url, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (key is not null)
        {
            request.Headers.Add("apikey", key);
        }

        using var response = await Http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Runs a command of the same program as the user of this cluster, to its end.</summary>
    public async Task<(int Code, string StandardOutput, string Output)> RunAsync(params string[] arguments)
    {
        await using var process = NodeProcess.Start(arguments, Environment);
        var code = await process.ExitedAsync();
        return (code, process.StandardOutput, process.Output);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));
        Plain.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
