using System.Globalization;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Membership;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>
/// The three old homes of <c>tests/golden/wso2/homes</c> as real processes, each started with <c>run --wso2-home</c> and nothing
/// else but a port offset and, because the tests share the machine, membership ports of their own in the copies of axis2.xml.
/// </summary>
internal sealed class HomeCluster : IAsyncDisposable
{
    private readonly Dictionary<string, NodeProcess> _processes = [];
    private readonly Dictionary<string, string> _output = [];

    private readonly Networks? _networks;

    /// <param name="networks">One network a home, where each has an address of its own and no offset; null for this machine's.</param>
    public HomeCluster(Networks? networks = null)
    {
        _networks = networks;
        Offset = networks is null ? Machine.TakeOffset() : 0;
        Environment = new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = Path.Combine(Directory, "config") };
        foreach (var home in (string[])["manager", "worker-1", "worker-2"])
        {
            Copy(Path.Combine(Golden, "homes", home), HomeOf(home));
            var axis2 = Path.Combine(HomeOf(home), "repository", "conf", "axis2", "axis2.xml");
            File.WriteAllText(axis2, networks is null ? WithOwnPorts(axis2) : WithAddresses(axis2, home));
        }
    }

    /// <summary>Where a home's node is reached.</summary>
    public string AddressOf(string home) => _networks?.AddressOf(Number(home)) ?? "127.0.0.1";

    private string WithOwnPorts(string axis2) =>
        File.ReadAllText(axis2)
            .Replace(">4500<", $">{Text(4000 + Offset + 5)}<", StringComparison.Ordinal)
            .Replace(">4200<", $">{Text(4000 + Offset + 6)}<", StringComparison.Ordinal);

    // What the manual asks for: the own address, and those of the manager and of the first worker.
    private string WithAddresses(string axis2, string home)
    {
        var text = File.ReadAllText(axis2);
        text = text.Replace(
            "<parameter name=\"localMemberHost\">127.0.0.1<",
            $"<parameter name=\"localMemberHost\">{AddressOf(home)}<",
            StringComparison.Ordinal
        );
        var members = text.IndexOf("<members>", StringComparison.Ordinal);
        var first = text.IndexOf("127.0.0.1", members, StringComparison.Ordinal);
        text = text[..first] + AddressOf("manager") + text[(first + "127.0.0.1".Length)..];
        var second = text.IndexOf("127.0.0.1", first, StringComparison.Ordinal);
        return text[..second] + AddressOf("worker-1") + text[(second + "127.0.0.1".Length)..];
    }

    private static int Number(string home) =>
        home switch
        {
            "worker-1" => 2,
            "worker-2" => 3,
            _ => 1,
        };

    /// <summary>Of the manager; the workers' homes add 1 and 2.</summary>
    public int Offset { get; }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("gatehouse-homes-").FullName;

    public IReadOnlyDictionary<string, string> Environment { get; }

    public string Authority { get; private set; } = "";

    public ManagerApi Rest { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public string Output =>
        string.Join(
            "\n\n",
            _processes.Select(p => $"===== {p.Key}\n{_output.GetValueOrDefault(p.Key)}{p.Value.Output}")
        );

    public NodeProcess this[string home] => _processes[home];

    /// <summary>The repository's folder of old files.</summary>
    public static string Golden
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(directory!.FullName, "Gatehouse.slnx")))
            {
                directory = directory.Parent;
            }

            return Path.Combine(directory.FullName, "tests", "golden", "wso2");
        }
    }

    public string HomeOf(string home) => Path.Combine(Directory, "homes", home);

    public string DataOf(string home) => Path.Combine(Directory, "data", home);

    /// <summary>A node's port, from the number it has without an offset.</summary>
    public int Port(string home, int port) => port + OffsetOf(home);

    /// <summary>Starts a node as the manual does.</summary>
    public NodeProcess Start(string home, params string[] more)
    {
        if (_processes.TryGetValue(home, out var before))
        {
            _output[home] = before.Output + "\n-- started again --\n";
        }

        return _processes[home] = NodeProcess.Start(
            [
                "run",
                "--wso2-home",
                HomeOf(home),
                home == "manager" ? "-Dprofile=gateway-manager" : "-Dprofile=gateway-worker",
                $"-DportOffset={Text(OffsetOf(home))}",
                "--data",
                DataOf(home),
                "--stop-with-stdin",
                "-o",
                "json",
                .. more,
            ],
            Environment,
            _networks?[Number(home)]
        );
    }

    /// <summary>Waits for the manager's welcome and signs in with it.</summary>
    public async Task WelcomeAsync()
    {
        var manager = _processes["manager"];
        await Eventually.TrueAsync(
            () => manager.StandardOutput.EndsWith("\n}", StringComparison.Ordinal) || manager.HasExited,
            TimeSpan.FromSeconds(90),
            () => $"the manager's welcome\n{Output}"
        );
        Assert.False(manager.HasExited, Output);
        var welcome = JsonNode.Parse(manager.StandardOutput)!;
        Authority = await File.ReadAllTextAsync(welcome["authority"]!.GetValue<string>());
        Rest = new(
            new($"https://{AddressOf("manager")}:{Text(Port("manager", 9443))}"),
            Authority,
            welcome["accessToken"]!.GetValue<string>()
        );
        Http = Trust.ClientOf(Authority);
        Http.Timeout = TimeSpan.FromSeconds(60);
    }

    /// <summary>Completes when the manager shows all these as serving.</summary>
    public Task ServesAsync(params string[] nodes) =>
        Eventually.TrueAsync(
            async () =>
            {
                Assert.False(_processes.Values.Any(process => process.HasExited), Output);
                var states = await Task.WhenAll(nodes.Select(Rest.StateOfAsync));
                return states.All(state => state == "serving");
            },
            TimeSpan.FromSeconds(90),
            () => $"{string.Join(", ", nodes)} serve\n{Output}"
        );

    /// <summary>Status and body of a call by a public host name, whatever address it goes to; 0 when nobody answers.</summary>
    public async Task<(int Status, string Body)> CallAsync(string url, string host, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Host = host;
        if (key is not null)
        {
            request.Headers.Add("apikey", key);
        }

        try
        {
            using var response = await Http.SendAsync(request);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return (0, e.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Values.Select(process => process.DisposeAsync().AsTask()));
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private int OffsetOf(string home) => _networks is null ? Offset + Number(home) - 1 : 0;

    private static void Copy(string from, string to)
    {
        foreach (var file in System.IO.Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
