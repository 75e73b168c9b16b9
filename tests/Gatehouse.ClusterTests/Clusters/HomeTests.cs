using System.Diagnostics;
using System.Globalization;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Clusters;

/// <summary>Nodes that run from the files of an old installation.</summary>
public sealed class HomeTests : IAsyncDisposable
{
    private readonly HomeCluster _cluster = new();

    [Fact]
    public async Task Three_old_homes_form_a_cluster_that_serves_an_API_and_outlives_a_worker()
    {
        // 1. A worker that comes first waits, and says for what.
        var first = _cluster.Start("worker-1");
        await first.SaysAsync("Waiting for the manager of 'wso2.am.domain'");
        _cluster.Start("manager", "-Dsetup");
        _cluster.Start("worker-2");
        await _cluster.WelcomeAsync();
        await _cluster.ServesAsync("manager", "worker-1", "worker-2");
        var card = Path.Combine(_cluster.Directory, "config", "gatehouse", "managers", "wso2.am.domain.json");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(card));

        // 2. All are members; both workers ask for one port, so one of them has the next.
        await Eventually.TrueAsync(
            async () =>
            {
                var (_, text, _) = await RunAsync("cluster", "members", "-o", "json");
                return text.Contains($":{Port(5)}\"", StringComparison.Ordinal)
                    && text.Contains($":{Port(6)}\"", StringComparison.Ordinal)
                    && text.Contains($":{Port(7)}\"", StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(90),
            () => $"three members\n{_cluster.Output}"
        );

        // 3. An API answers on every port of the manual's load balancer.
        await using var backend = await TestBackend.StartAsync(TimeSpan.FromMilliseconds(1));
        var api = await _cluster.Rest.DeployAsync("shop", backend.Url);
        var (_, key) = await _cluster.Rest.CreateKeyAsync("App", api);
        foreach (var worker in (string[])["worker-1", "worker-2"])
        {
            // The key is on its way.
            await Eventually.TrueAsync(
                async () => (await CallAsync("https", worker, 9443, key)).Status == 200,
                TimeSpan.FromSeconds(60),
                () => $"{worker} takes the key\n{_cluster.Output}"
            );
            foreach (
                var (scheme, port) in ((string, int)[])
                    [("https", 9443), ("http", 9763), ("https", 8243), ("http", 8280)]
            )
            {
                var (status, body) = await CallAsync(scheme, worker, port, key);
                Assert.True(status == 200, $"{worker} {scheme} {port}: {status} {body}\n{_cluster.Output}");
            }
        }

        // 4. The console is where carbon was; it leads to the name that callers know, not to a port of this node.
        using var carbon = new HttpRequestMessage(
            HttpMethod.Get,
            $"http://127.0.0.1:{_cluster.Port("manager", 9763).ToString(CultureInfo.InvariantCulture)}/carbon"
        );
        carbon.Headers.Host = "mgt.am.wso2.com";
        using var redirect = await _cluster.Http.SendAsync(carbon, TestContext.Current.CancellationToken);
        Assert.Equal("https://mgt.am.wso2.com/carbon", redirect.Headers.Location?.ToString());

        // What the profile does not run is unknown there and at the workers.
        foreach (var page in (string[])["publisher", "devportal", "oauth2/token", "token", "device"])
        {
            var text = _cluster.Port("manager", 9443).ToString(CultureInfo.InvariantCulture);
            var (status, body) = await _cluster.CallAsync($"https://127.0.0.1:{text}/{page}", "mgt.am.wso2.com");
            Assert.True(status == 404, $"/{page}: {status} {body}");
        }

        var worker9443 = _cluster.Port("worker-2", 9443).ToString(CultureInfo.InvariantCulture);
        Assert.Equal(404, (await _cluster.CallAsync($"https://127.0.0.1:{worker9443}/token", "am.wso2.com")).Status);

        // 5. One worker goes; the other answers, and the same command brings it back with the identity it had.
        await _cluster["worker-1"].KillAsync();
        Assert.Equal(200, (await CallAsync("https", "worker-2", 9443, key)).Status);
        _cluster.Start("worker-1");
        await Eventually.TrueAsync(
            async () => (await CallAsync("https", "worker-1", 9443, key)).Status == 200,
            TimeSpan.FromSeconds(60),
            () => $"the worker serves again\n{_cluster.Output}"
        );
    }

    [Fact]
    public async Task A_worker_names_old_artifacts_of_its_home_and_leaves_them_alone()
    {
        var api = Path.Combine(
            _cluster.HomeOf("worker-1"),
            "repository",
            "deployment",
            "server",
            "synapse-configs",
            "default",
            "api",
            "admin--Old_v1.xml"
        );
        Directory.CreateDirectory(Path.GetDirectoryName(api)!);
        await File.WriteAllTextAsync(
            api,
            "<api name=\"admin--Old:v1\" context=\"/old/1\"/>",
            TestContext.Current.CancellationToken
        );

        var worker = _cluster.Start("worker-1");

        await worker.SaysAsync("1 old artifacts in this worker's home are neither served nor deleted");
        await worker.SaysAsync("admin--Old_v1.xml");
        Assert.True(File.Exists(api));
    }

    [Fact]
    public async Task A_second_manager_of_the_domain_is_refused_and_told_what_to_do()
    {
        _cluster.Start("manager");
        await _cluster.WelcomeAsync();

        await using var second = NodeProcess.Start(
            [
                "run",
                "--wso2-home",
                _cluster.HomeOf("worker-2"),
                "-Dprofile=gateway-manager",
                $"-DportOffset={(_cluster.Offset + 3).ToString(CultureInfo.InvariantCulture)}",
                "--data",
                _cluster.DataOf("second"),
            ],
            _cluster.Environment
        );

        Assert.Equal(7, await second.ExitedAsync());
        Assert.Contains("has a manager on this machine already", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_old_start_script_starts_stops_and_restarts_from_any_directory()
    {
        var bin = Path.Combine(_cluster.HomeOf("manager"), "bin");
        Directory.CreateDirectory(bin);
        var script = Path.Combine(bin, "wso2server.sh");
        File.Copy(Path.Combine(HomeCluster.Golden, "..", "..", "..", "deploy", "wso2server.sh"), script);

        var (code, text) = await ShellAsync(
            script,
            "start",
            "-Dsetup",
            "-Dprofile=gateway-manager",
            "-Xmx1g",
            OffsetFlag()
        );
        var log = Path.Combine(_cluster.HomeOf("manager"), "repository", "logs", "wso2carbon.log");
        try
        {
            Assert.True(code == 0, text);
            Assert.Contains("-Xmx1g has no meaning here", text, StringComparison.Ordinal);
            await LogSaysAsync(log, "Cluster 'wso2.am.domain' is founded");
            (code, text) = await ShellAsync(script, "restart", "-Dprofile=gateway-manager", OffsetFlag());
            Assert.True(code == 0, text);
            await LogSaysAsync(log, "manager runs again");
        }
        finally
        {
            (code, text) = await ShellAsync(script, "stop");
        }

        Assert.Equal(0, code);
        Assert.Contains("stopped process", text, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_cluster.HomeOf("manager"), "wso2carbon.pid")));
    }

    [Fact]
    public async Task An_API_of_an_old_home_is_imported_with_one_command_and_answers_as_it_did()
    {
        await using var backend = await TestBackend.StartAsync(TimeSpan.FromMilliseconds(1));
        var api = Path.Combine(
            _cluster.HomeOf("manager"),
            "repository/deployment/server/synapse-configs/default/api/admin--Shop_v1.xml"
        );
        Directory.CreateDirectory(Path.GetDirectoryName(api)!);
        await File.WriteAllTextAsync(
            api,
            $"""
            <api xmlns="http://ws.apache.org/ns/synapse" name="admin--Shop:v1" context="/shop/1" version="1" version-type="context">
              <resource methods="GET" uri-template="/items/{"{id}"}" faultSequence="fault">
                <inSequence>
                  <filter source="$ctx:AM_KEY_TYPE" regex="PRODUCTION">
                    <then><send><endpoint name="p"><http uri-template="{backend.Url}"/></endpoint></send></then>
                    <else><sequence key="_sandbox_key_error_"/></else>
                  </filter>
                </inSequence>
                <outSequence><property name="X-Served-By" scope="transport" value="am"/><send/></outSequence>
              </resource>
              <resource methods="POST" uri-template="/orders" faultSequence="fault">
                <inSequence>
                  <property name="HTTP_SC" scope="axis2" value="201"/>
                  <payloadFactory media-type="json"><format>{"{\"state\":\"made\"}"}</format><args/></payloadFactory>
                  <respond/>
                </inSequence>
              </resource>
              <handlers>
                <handler class="org.wso2.carbon.apimgt.gateway.handlers.security.APIAuthenticationHandler">
                  <property name="apiSecurity" value="api_key"/>
                </handler>
              </handlers>
            </api>
            """,
            TestContext.Current.CancellationToken
        );
        _cluster.Start("manager");
        _cluster.Start("worker-1");
        await _cluster.WelcomeAsync();
        await _cluster.ServesAsync("worker-1");

        var (code, _, text) = await RunAsync(
            "import",
            "wso2",
            _cluster.HomeOf("manager"),
            "--out",
            Path.Combine(_cluster.Directory, "out"),
            "--apply"
        );
        Assert.True(code == 0, text);
        (code, _, text) = await RunAsync("deploy", "Shop:1", "--wait");
        Assert.True(code == 0, text);
        var (_, key) = await _cluster.Rest.CreateKeyAsync("App", "Shop:1");
        var items =
            $"https://127.0.0.1:{_cluster.Port("worker-1", 8243).ToString(CultureInfo.InvariantCulture)}/shop/1/items/7";
        await Eventually.TrueAsync(
            async () => (await _cluster.CallAsync(items, "am.wso2.com", key)).Status == 200,
            TimeSpan.FromSeconds(60),
            () => $"the worker takes the key\n{_cluster.Output}"
        );

        // What WSO2 documents of each call: status, code in the payload, header.
        await AnswersAsync(HttpMethod.Get, "/shop/1/items/7", key, 200, "seen", ("X-Served-By", "am"));
        await AnswersAsync(HttpMethod.Post, "/shop/1/orders", key, 201, "\"state\":\"made\"");
        await AnswersAsync(HttpMethod.Get, "/shop/1/items/7", null, 401, "900902", ("WWW-Authenticate", ""));
        await AnswersAsync(HttpMethod.Get, "/shop/1/items/7", "wrong", 401, "900901");
        await AnswersAsync(HttpMethod.Get, "/shop/1/nothing", key, 404, "");
        await AnswersAsync(HttpMethod.Delete, "/shop/1/items/7", key, 405, "");
        await AnswersAsync(HttpMethod.Get, "/unknown/1", key, 404, "");
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    private async Task AnswersAsync(
        HttpMethod method,
        string path,
        string? key,
        int status,
        string body,
        (string Name, string Value)? header = null
    )
    {
        using var request = new HttpRequestMessage(
            method,
            $"https://127.0.0.1:{_cluster.Port("worker-1", 8243).ToString(CultureInfo.InvariantCulture)}{path}"
        );
        request.Headers.Host = "am.wso2.com";
        if (key is not null)
        {
            request.Headers.Add("apikey", key);
        }

        using var response = await _cluster.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        Assert.Contains(body, text, StringComparison.Ordinal);
        if (header is { } expected)
        {
            Assert.True(response.Headers.TryGetValues(expected.Name, out var values), $"{path} lacks {expected.Name}");
            Assert.Contains(expected.Value, string.Join(' ', values!), StringComparison.Ordinal);
        }
    }

    private static Task LogSaysAsync(string log, string text) =>
        Eventually.TrueAsync(
            () => File.Exists(log) && File.ReadAllText(log).Contains(text, StringComparison.Ordinal),
            TimeSpan.FromSeconds(90),
            () => $"'{text}' in {(File.Exists(log) ? File.ReadAllText(log) : log)}"
        );

    private string OffsetFlag() => $"-DportOffset={_cluster.Offset.ToString(CultureInfo.InvariantCulture)}";

    private string Port(int n) => (4000 + _cluster.Offset + n).ToString(CultureInfo.InvariantCulture);

    private Task<(int Status, string Body)> CallAsync(string scheme, string worker, int port, string key) =>
        _cluster.CallAsync(
            $"{scheme}://127.0.0.1:{_cluster.Port(worker, port).ToString(CultureInfo.InvariantCulture)}/shop/1.0.0/things",
            "am.wso2.com",
            key
        );

    private async Task<(int Code, string Output, string All)> RunAsync(params string[] arguments)
    {
        await using var process = NodeProcess.Start(arguments, _cluster.Environment);
        var code = await process.ExitedAsync();
        return (code, process.StandardOutput, process.Output);
    }

    private async Task<(int Code, string Output)> ShellAsync(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("sh", [script, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        start.Environment["GATEHOUSE"] = Path.Combine(AppContext.BaseDirectory, "gatehouse");
        start.Environment["GATEHOUSE_DATA_DIR"] = _cluster.DataOf("manager");
        start.Environment["XDG_CONFIG_HOME"] = _cluster.Environment["XDG_CONFIG_HOME"];
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }
}
