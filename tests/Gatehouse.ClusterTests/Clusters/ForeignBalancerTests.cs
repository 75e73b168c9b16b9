using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.ClusterTests.Membership;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>The cluster of the three old homes behind a real NGINX and a real HAProxy.</summary>
public sealed class ForeignBalancerTests : IAsyncDisposable
{
    private HomeCluster _cluster = new();
    private Networks? _networks;
    private readonly ForeignBalancer _balancer = new();
    private readonly HttpClient _callers = new(
        new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        }
    )
    {
        Timeout = TimeSpan.FromSeconds(60),
    };

    private int Http => _networks is null ? 8080 + _cluster.Offset : 80;

    private int Https => _networks is null ? 8443 + _cluster.Offset : 443;

    private string Front => _networks?.AddressOf(4) ?? "127.0.0.1";

    [Fact]
    public async Task The_seeds_three_virtual_hosts_on_NGINX_stand_in_front_of_the_cluster()
    {
        Assert.SkipUnless(ForeignBalancer.Has("nginx"), "nginx is not installed");
        await SeedAsync();
    }

    [Fact]
    public async Task The_seeds_virtual_hosts_stand_in_front_of_nodes_with_addresses_of_their_own_and_no_offset()
    {
        Assert.SkipUnless(ForeignBalancer.Has("nginx"), "nginx is not installed");
        Assert.SkipUnless(Networks.Available, "needs root and network namespaces");
        await _cluster.DisposeAsync();
        _networks = new(4, "10.231.78", joinedByThisMachine: true);
        _cluster = new(_networks);

        await SeedAsync();
    }

    private async Task SeedAsync()
    {
        await StartAsync();
        _balancer.Certificate("wrk", "am.wso2.com");
        _balancer.Certificate("mgt", "mgt.am.wso2.com");
        Directory.CreateDirectory(_balancer.PathOf("conf.d"));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(HomeCluster.Golden, "nginx")))
        {
            // Word for word but for the placeholders, the ports of this test, and the one line that open-source NGINX refuses.
            var text = (await File.ReadAllTextAsync(file))
                .Replace("sticky cookie JSESSIONID;", "", StringComparison.Ordinal)
                .Replace("xxx.xxx.xxx.xx4:9763", At("worker-1", 9763), StringComparison.Ordinal)
                .Replace("xxx.xxx.xxx.xx5:9763", At("worker-2", 9763), StringComparison.Ordinal)
                .Replace("xxx.xxx.xxx.xx4:9443", At("worker-1", 9443), StringComparison.Ordinal)
                .Replace("xxx.xxx.xxx.xx5:9443", At("worker-2", 9443), StringComparison.Ordinal)
                .Replace("xxx.xxx.xxx.xx3:9443", At("manager", 9443), StringComparison.Ordinal)
                .Replace("listen 80;", $"listen {Text(Http)};", StringComparison.Ordinal)
                .Replace("listen 443;", $"listen {Text(Https)};", StringComparison.Ordinal)
                .Replace("/etc/nginx/ssl/", _balancer.Directory + "/", StringComparison.Ordinal)
                .Replace("/var/log/nginx/", _balancer.Directory + "/", StringComparison.Ordinal);
            await File.WriteAllTextAsync(_balancer.PathOf(Path.Combine("conf.d", Path.GetFileName(file))), text);
        }

        _balancer.StartNginx(_networks?[4]);

        await ServesAsync();
        await ConsoleAsync();
        await SurvivesAsync();
    }

    [Fact]
    public async Task An_exported_NGINX_file_serves_fails_over_and_follows_the_nodes()
    {
        Assert.SkipUnless(ForeignBalancer.Has("nginx"), "nginx is not installed");
        await StartAsync();
        _balancer.Certificate("wrk", "am.wso2.com");
        _balancer.Certificate("mgt", "mgt.am.wso2.com");
        var file = _balancer.PathOf("conf.d/gatehouse.conf");
        await ExportAsync("nginx", file, "crt");
        _balancer.StartNginx();

        await ServesAsync();
        await ConsoleAsync();
        await UpgradesAsync();
        var serving = _balancer.Serving;
        await using var watch = Watch("nginx", file, "crt");
        await watch.SaysAsync("is written and in force");
        serving = await ReplacedAsync(serving);
        await _cluster.Rest.SendAsync(HttpMethod.Post, "nodes/worker-2/drain");
        await Eventually.TrueAsync(
            () => File.ReadAllText(file).Contains(" down; # worker-2", StringComparison.Ordinal),
            TimeSpan.FromSeconds(60),
            () => $"the drained node is down in the file\n{watch.Output}"
        );
        serving = await ReplacedAsync(serving);
        await _cluster.Rest.SendAsync(HttpMethod.Post, "nodes/worker-2/undrain");
        await Eventually.TrueAsync(
            () => !File.ReadAllText(file).Contains(" down;", StringComparison.Ordinal),
            TimeSpan.FromSeconds(60),
            () => $"the node is back in the file\n{watch.Output}"
        );
        await ReplacedAsync(serving);
        await SurvivesAsync();

        // NGINX is told at once and takes its time: a file is in force when nobody serves by the one before.
        async Task<IReadOnlySet<string>> ReplacedAsync(IReadOnlySet<string> before)
        {
            await Eventually.TrueAsync(
                () => _balancer.Serving is { Count: > 0 } now && !now.Overlaps(before),
                TimeSpan.FromSeconds(60),
                () => $"NGINX serves by the new file\n{watch.Output}"
            );
            return _balancer.Serving;
        }
    }

    [Fact]
    public async Task An_exported_HAProxy_file_serves_fails_over_and_is_read_again()
    {
        Assert.SkipUnless(ForeignBalancer.Has("haproxy"), "haproxy is not installed");
        await StartAsync();
        _balancer.Certificate("wrk", "am.wso2.com");
        _balancer.Certificate("mgt", "mgt.am.wso2.com");
        var file = _balancer.PathOf("haproxy.cfg");
        await ExportAsync("haproxy", file, "pem");
        await ForeignBalancer.CheckAsync("/usr/sbin/haproxy", "-c", "-f", file);
        _balancer.StartHaproxy(file);

        await ServesAsync();
        await ConsoleAsync();
        await UpgradesAsync();
        await using var watch = Watch("haproxy", file, "pem");
        await watch.SaysAsync("is written and in force");
        await SurvivesAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _callers.Dispose();
        await _balancer.DisposeAsync();
        await _cluster.DisposeAsync();
        _networks?.Dispose();
    }

    private string Key { get; set; } = "";

    private TestBackend? Backend { get; set; }

    private async Task StartAsync()
    {
        _cluster.Start("manager");
        _cluster.Start("worker-1");
        _cluster.Start("worker-2");
        await _cluster.WelcomeAsync();
        await _cluster.ServesAsync("worker-1", "worker-2");
        Backend = await TestBackend.StartAsync(
            TimeSpan.FromMilliseconds(1),
            _networks is null ? "127.0.0.1" : "10.231.78.254"
        );
        var api = await _cluster.Rest.DeployAsync("shop", Backend.Url);
        (_, Key) = await _cluster.Rest.CreateKeyAsync("App", api);
        foreach (var worker in (string[])["worker-1", "worker-2"])
        {
            // The key is on its way.
            await Eventually.TrueAsync(
                async () =>
                    (await CallAsync($"https://{At(worker, 9443)}/shop/1.0.0/things", "am.wso2.com")).Status == 200,
                TimeSpan.FromSeconds(60),
                () => $"{worker} takes the key\n{_cluster.Output}"
            );
        }
    }

    private async Task ServesAsync()
    {
        foreach (var url in (string[])[$"https://{Front}:{Text(Https)}", $"http://{Front}:{Text(Http)}"])
        {
            var last = (0, "");
            await Eventually.TrueAsync(
                async () =>
                {
                    last = await CallAsync($"{url}/shop/1.0.0/things", "am.wso2.com");
                    return last.Item1 == 200;
                },
                TimeSpan.FromSeconds(60),
                () => $"{url} answers 200, last {last}\n{_balancer.Output}"
            );
        }

        Assert.Equal(
            401,
            (await CallAsync($"https://{Front}:{Text(Https)}/shop/1.0.0/things", "am.wso2.com", withKey: false)).Status
        );
    }

    // Journeys of the management host: where carbon was, the console, and REST.
    private async Task ConsoleAsync()
    {
        var root = $"https://{Front}:{Text(Https)}";
        using var carbon = new HttpRequestMessage(HttpMethod.Get, $"{root}/carbon");
        carbon.Headers.Host = "mgt.am.wso2.com";
        using var redirect = await _callers.SendAsync(carbon);
        Assert.True(
            (int)redirect.StatusCode is 301 or 302 or 307 or 308,
            $"{(int)redirect.StatusCode}\n{_balancer.Output}"
        );
        Assert.DoesNotContain(":9443", redirect.Headers.Location!.ToString(), StringComparison.Ordinal);
        var (status, body) = await CallAsync($"{root}/admin", "mgt.am.wso2.com", withKey: false);
        Assert.True(status is 200 or 302, $"{status} {body}");
        (status, body) = await CallAsync($"{root}/api/v1/status", "mgt.am.wso2.com", withKey: false);
        Assert.True(status == 401, $"{status} {body}");
    }

    // A worker that is killed is not noticed by who may be asked twice.
    private async Task SurvivesAsync()
    {
        await _cluster["worker-1"].KillAsync();
        for (var i = 0; i < 30; i++)
        {
            var (status, body) = await CallAsync($"https://{Front}:{Text(Https)}/shop/1.0.0/things", "am.wso2.com");
            Assert.True(status == 200, $"call {i}: {status} {body}\n{_balancer.Output}\n{await RestStateAsync()}");
        }

        await Backend!.DisposeAsync();
    }

    private async Task<string> RestStateAsync() =>
        $"worker-1 {await _cluster.Rest.StateOfAsync("worker-1")}, worker-2 {await _cluster.Rest.StateOfAsync("worker-2")}";

    private async Task UpgradesAsync()
    {
        // Whoever is asked for an upgrade that the backend refuses gets its answer, not the balancer's.
        using var socket = new ClientWebSocket();
        socket.Options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        socket.Options.SetRequestHeader("Host", "am.wso2.com");
        socket.Options.SetRequestHeader("apikey", Key);
        socket.Options.CollectHttpResponseDetails = true;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await Assert.ThrowsAsync<WebSocketException>(() =>
            socket.ConnectAsync(new($"wss://127.0.0.1:{Text(Https)}/shop/1.0.0/things"), deadline.Token)
        );
        Assert.Equal(HttpStatusCode.OK, socket.HttpStatusCode);
    }

    private async Task ExportAsync(string kind, string file, string suffix)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await using var export = NodeProcess.Start(
            ["lb", "export", .. Arguments(kind, file, suffix)],
            _cluster.Environment
        );
        Assert.True(await export.ExitedAsync() == 0, export.Output);
    }

    private NodeProcess Watch(string kind, string file, string suffix) =>
        NodeProcess.Start(
            ["lb", "watch", .. Arguments(kind, file, suffix), "--reload", _balancer.Reload, "--stop-with-stdin"],
            _cluster.Environment
        );

    private string[] Arguments(string kind, string file, string suffix) =>
        [
            kind,
            "--out",
            file,
            "--http-port",
            Text(Http),
            "--https-port",
            Text(Https),
            "--certificate",
            _balancer.PathOf($"wrk.{suffix}"),
            "--management-certificate",
            _balancer.PathOf($"mgt.{suffix}"),
            .. kind == "nginx" ? (string[])["--management-key", _balancer.PathOf("mgt.key")] : [],
        ];

    private async Task<(int Status, string Body)> CallAsync(string url, string host, bool withKey = true)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Host = host;
        if (withKey)
        {
            request.Headers.Add("apikey", Key);
        }

        try
        {
            using var response = await _callers.SendAsync(request);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return (0, e.Message);
        }
    }

    private string At(string home, int port) => $"{_cluster.AddressOf(home)}:{Text(_cluster.Port(home, port))}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
