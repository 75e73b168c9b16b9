using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>One node of a <see cref="RealCluster"/>: its data directory, its ports and, while it runs, its process.</summary>
internal sealed class ClusterNode(RealCluster cluster, string name, string profile, int offset) : IAsyncDisposable
{
    private readonly List<string> _before = [];
    private NodeProcess? _process;

    public string Name => name;

    public string Profile => profile;

    public int Offset => offset;

    /// <summary>Set by a test that runs the node in a network of its own.</summary>
    public string? Network { get; init; }

    /// <summary>Where the others reach it.</summary>
    public string Host { get; init; } = "127.0.0.1";

    public string Data { get; set; } = Path.Combine(cluster.Directory, name);

    /// <summary>Settings of this node alone, each <c>key=value</c>.</summary>
    public IReadOnlyList<string> Settings { get; set; } = [];

    /// <summary>Another build than the one under test; null for that one.</summary>
    public string? Executable { get; set; }

    public NodeProcess Process => _process ?? throw new InvalidOperationException($"{name} was not started.");

    public bool IsRunning => _process is { HasExited: false };

    public int Internal => 7443 + offset;

    public int Health => 9090 + offset;

    /// <summary>Where callers come in: a balancer's, else a worker's API port.</summary>
    public int Https => (profile == "load-balancer" ? 8443 : 8243) + offset;

    public int Http => (profile == "load-balancer" ? 8080 : 8280) + offset;

    public int ManagementHttps => 9443 + offset;

    public int ManagementHttp => 9763 + offset;

    /// <summary>Its log, former processes included.</summary>
    public string Output => string.Join("\n-- started again --\n", [.. _before, _process?.Output ?? ""]);

    public Uri Url(string path) => new($"https://localhost:{Https.ToString(CultureInfo.InvariantCulture)}{path}");

    /// <summary>Starts it; a node that has an identity needs no token.</summary>
    public async Task StartAsync(string? token = null)
    {
        if (_process is not null)
        {
            _before.Add(_process.Output);
            await _process.DisposeAsync();
        }

        _process = NodeProcess.Start(Arguments(), cluster.Environment, Network, executable: Executable);
        if (token is not null)
        {
            await _process.TellAsync(token);
        }
    }

    /// <summary>Starts it, and returns when it says that it is ready.</summary>
    public async Task StartReadyAsync(string? token = null)
    {
        await StartAsync(token);
        await IsReadyAsync();
    }

    /// <summary>Completes when its own <c>/readyz</c> says yes.</summary>
    public async Task IsReadyAsync()
    {
        var last = "";
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.False(Process.HasExited, $"{name} ended:\n{Output}");
                bool ready;
                (ready, last) = await ReadinessAsync();
                return ready;
            },
            TimeSpan.FromSeconds(90),
            () => $"{name} is ready; it says '{last}'\n{Output}"
        );
    }

    /// <summary>What its own <c>/readyz</c> answers.</summary>
    public async Task<(bool Ready, string Why)> ReadinessAsync()
    {
        try
        {
            using var response = await cluster.Plain.GetAsync(HealthUrl("readyz"));
            return (response.IsSuccessStatusCode, (await response.Content.ReadAsStringAsync()).Trim());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return (false, e.Message);
        }
    }

    /// <summary>The value of one of its counters, over all labels that contain <paramref name="label"/>.</summary>
    public async Task<double> MetricAsync(string family, string label = "")
    {
        var text = await cluster.Plain.GetStringAsync(HealthUrl("metrics"));
        return text.Split('\n')
            .Where(line =>
                line.StartsWith(family + "{", StringComparison.Ordinal)
                || line.StartsWith(family + " ", StringComparison.Ordinal)
            )
            .Where(line => line.Contains(label, StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    /// <summary>How many API requests it has answered since it started.</summary>
    public Task<double> AnsweredAsync() => MetricAsync("gatehouse_api_requests_total");

    /// <summary>What <c>gatehouse status --data</c> says: the node itself, without a manager.</summary>
    public async Task<JsonNode> OwnStatusAsync()
    {
        var (code, output, text) = await cluster.RunAsync("status", "--data", Data, "-o", "json");
        Assert.True(code == 0, text);
        return JsonNode.Parse(output)!;
    }

    /// <summary>SIGKILL.</summary>
    public Task KillAsync() => Process.KillAsync();

    /// <summary>SIGTERM; returns when it has finished what it had.</summary>
    public Task<int> TerminateAsync()
    {
        Process.Signal(PosixSignalNumber.Terminate);
        return Process.ExitedAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }

    private List<string> Arguments()
    {
        List<string> arguments =
        [
            .. cluster.Manager == this
                ? (string[])["init", "--profile", profile, "--cluster", cluster.Name, "-o", "json"]
                : ["join", "-"],
            "--stop-with-stdin",
            "--data",
            Data,
            "--advertise",
            Host,
            "--port-offset",
            offset.ToString(CultureInfo.InvariantCulture),
        ];
        List<string> settings =
        [
            string.Create(CultureInfo.InvariantCulture, $"cluster.localMember.port={4000 + offset}"),
            .. profile == "load-balancer" ? (string[])["listen.balancer.https=8443", "listen.balancer.http=8080"] : [],
            .. cluster.Settings,
            .. Settings,
        ];
        foreach (var setting in settings)
        {
            arguments.AddRange(["--set", setting]);
        }

        return arguments;
    }

    private string HealthUrl(string path) => $"http://localhost:{Health.ToString(CultureInfo.InvariantCulture)}/{path}";
}
