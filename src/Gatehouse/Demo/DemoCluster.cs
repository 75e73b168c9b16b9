using System.Globalization;
using System.Net;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Commands;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Demo;

/// <summary>A real cluster of real processes on this machine. All start at once: workers wait for their token, as on any machine.</summary>
internal sealed class DemoCluster : IAsyncDisposable
{
    private static readonly TimeSpan s_longestStart = TimeSpan.FromMinutes(3);

    private const string ApplicationName = "demo";

    private readonly string _directory;
    private readonly DemoPlan _plan;
    private readonly Action<DemoRow> _show;
    private readonly Dictionary<string, ChildProcess> _children = [];
    private ManagerClient? _client;

    public DemoCluster(string directory, DemoPlan plan, Action<DemoRow> show)
    {
        _directory = directory;
        _plan = plan;
        _show = show;
        Directory.CreateDirectory(Path.Combine(directory, "logs"));
    }

    public string Authority => Path.Combine(_directory, "manager-1", "pki", "ca.crt");

    /// <summary>How the command line reaches the demo, for its credentials.</summary>
    public ManagerContext Context { get; private set; } = null!;

    public string SignIn { get; private set; } = "";

    // There is one once the manager has said where it is.
    private ManagerApi Manager => new(_client!);

    /// <summary>The OAuth2 client of the demo's application: its id and secret.</summary>
    public (string Id, string Secret) Client { get; private set; }

    /// <summary>
    /// Starts every process, publishes the samples while the nodes join, and returns the secret of a key for them when every
    /// node serves and every worker runs them.
    /// </summary>
    public async Task<string> StartAsync(string cluster, string[] samples, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_longestStart);
        try
        {
            Start("backend", "sample-backend", ["--port", Text(_plan.Backend)]);
            foreach (var node in _plan.Nodes)
            {
                Start(node.Name, node.Profile == Profile.ControlPlane ? "init" : "join", ArgumentsOf(node, cluster));
                _show(Row(node, "starting"));
            }

            var welcome = await WelcomeAsync(deadline.Token);
            await Task.WhenAll(welcome.Tokens.Select(token => _children[token.Node].TellAsync(token.Token)));
            var publishing = PublishAsync(samples, deadline.Token);
            await ServingAsync(deadline.Token);
            var (apis, key) = await publishing;
            await Task.WhenAll(apis.Select(api => AppliedAsync(api, deadline.Token)));
            return key;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailure(
                ExitCode.TimedOut,
                $"the demo did not start within {s_longestStart.TotalSeconds:0} s",
                Path.Combine(_directory, "logs"),
                "look into the logs there"
            );
        }
    }

    /// <summary>Calls <paramref name="url"/> with the key until it answers 200: the key is on its way to the workers.</summary>
    public async Task FirstAnswerAsync(Uri url, string key, CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = ManagerClient.TrustOnly(
            await File.ReadAllTextAsync(Authority, cancellation)
        );
        using var http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(20) };
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(45));
        HttpStatusCode? last = null;
        while (last != HttpStatusCode.OK)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.Add("apikey", key);
            try
            {
                using var response = await http.SendAsync(request, deadline.Token);
                last = response.StatusCode;
            }
            catch (HttpRequestException) { }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new CommandFailure(
                    ExitCode.TimedOut,
                    $"the first call did not answer 200 but {last?.ToString() ?? "nothing"}",
                    url.ToString(),
                    $"look into {Path.Combine(_directory, "logs")}"
                );
            }

            await Task.Delay(10, deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Keeps the rows true until cancelled: states from the manager, and from the processes themselves.</summary>
    public async Task WatchAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await ShowAsync(cancellation);
            }
            catch (CommandFailure)
            {
                foreach (var node in _plan.Nodes)
                {
                    _show(Row(node, _children[node.Name].HasExited ? "gone" : "runs (no manager to ask)"));
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        await Task.WhenAll(_children.Values.Select(child => child.DisposeAsync().AsTask()));
    }

    // Deploys the samples and makes a key for them; needs the manager only.
    private async Task<(string[] Apis, string Key)> PublishAsync(string[] samples, CancellationToken cancellation)
    {
        var deploying = Task.WhenAll(samples.Select(sample => DeployAsync(sample, cancellation)));
        // A kept cluster has the application already.
        var application =
            await UnlessThereAsync(() => Manager.CreateApplicationAsync(new(ApplicationName), cancellation))
            ?? await Manager.GetApplicationAsync(ApplicationName, cancellation);
        var key = await Manager.CreateKeyOfApplicationAsync(application.Id, new(), cancellation);
        var client = await Manager.CreateKeyOfApplicationAsync(application.Id, new(Type: "oauth2"), cancellation);
        Client = (client.Key.ClientId!, client.Secret!);
        var apis = await deploying;
        foreach (var api in samples)
        {
            await UnlessThereAsync(() => Manager.CreateSubscriptionAsync(new(application.Id, api), cancellation));
        }

        return (apis, key.Secret!);
    }

    // Imports and deploys a sample; returns the API's id.
    private async Task<string> DeployAsync(string name, CancellationToken cancellation)
    {
        var file = Path.Combine(AppContext.BaseDirectory, "samples", $"{name}.yaml");
        using var document = new ByteArrayContent(await File.ReadAllBytesAsync(file, cancellation));
        document.Headers.ContentType = new("application/yaml");
        var imported = await Manager.ImportApiAsync(
            document,
            cancellation,
            name: name,
            endpoint: [$"http://127.0.0.1:{Text(_plan.Backend)}"],
            auth: "apikey,oauth2",
            update: true
        );
        await Manager.DeployApiAsync(imported.Api.Id, null, cancellation);
        return imported.Api.Id;
    }

    private async Task AppliedAsync(string api, CancellationToken cancellation)
    {
        var deployed = await Manager.GetDeploymentsOfApiAsync(api, cancellation, wait: 30);
        if (deployed.Nodes.Any(node => node.State != DeploymentState.Applied))
        {
            throw new CommandFailure(
                ExitCode.Partly,
                $"{api} is not applied on every worker: {string.Join(", ", deployed.Nodes.Select(node => $"{node.Node} {node.State} {node.Reason}"))}"
            );
        }
    }

    private static async Task<T?> UnlessThereAsync<T>(Func<Task<T>> create)
    {
        try
        {
            return await create();
        }
        catch (CommandFailure failure) when (failure.Code == ExitCode.Conflict)
        {
            return default;
        }
    }

    private void Start(string name, string command, IEnumerable<string> arguments) =>
        _children[name] = ChildProcess.Start(
            name,
            Path.Combine(_directory, "logs", $"{name}.log"),
            [command, "--stop-with-stdin", .. arguments]
        );

    private IEnumerable<string> ArgumentsOf(DemoNode node, string cluster)
    {
        List<string> arguments =
        [
            "--data",
            Path.Combine(_directory, node.Name),
            "--advertise",
            "127.0.0.1",
            "--port-offset",
            Text(node.Offset),
        ];
        return node.Profile switch
        {
            Profile.ControlPlane =>
            [
                .. arguments,
                "--cluster",
                cluster,
                "--workers",
                Text(_plan.Workers),
                "--balancers",
                Text(_plan.Balancers),
                "-o",
                "json",
            ],
            Profile.LoadBalancer =>
            [
                "-",
                .. arguments,
                "--set",
                $"listen.balancer.https={Text(_plan.BalancerHttps(node) - node.Offset)}",
                "--set",
                $"listen.balancer.http={Text(_plan.BalancerHttp(node) - node.Offset)}",
            ],
            _ => ["-", .. arguments],
        };
    }

    private async Task<Welcome> WelcomeAsync(CancellationToken cancellation)
    {
        var manager = _children["manager-1"];
        var first = await Task.WhenAny(manager.Document, manager.Exited).WaitAsync(cancellation);
        if (first != manager.Document)
        {
            throw new CommandFailure(ExitCode.Failed, $"the manager ended:\n{manager.LastWords()}", manager.LogFile);
        }

        Welcome welcome;
        try
        {
            welcome = JsonSerializer.Deserialize<Welcome>(await manager.Document, ManagerClient.Json)!;
        }
        catch (IOException e)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, manager.LogFile, cause: e);
        }

        if (welcome.Manager is null)
        {
            // It printed why it failed, and ends.
            await manager.Exited.WaitAsync(cancellation);
            throw new CommandFailure(ExitCode.Failed, $"the manager ended:\n{manager.LastWords()}", manager.LogFile);
        }

        SignIn = welcome.SignIn;
        Context = new()
        {
            Managers = [new Uri(welcome.Manager)],
            Ca = await File.ReadAllTextAsync(Authority, cancellation),
            Token = welcome.AccessToken,
        };
        _client = new(Context, TimeSpan.FromSeconds(40));
        return welcome;
    }

    private async Task ServingAsync(CancellationToken cancellation)
    {
        while (!await ShowAsync(cancellation))
        {
            foreach (var child in _children.Values.Where(child => child.HasExited))
            {
                throw new CommandFailure(
                    ExitCode.Failed,
                    $"{child.Name} ended with exit code {child.ExitCode}:\n{child.LastWords()}",
                    child.LogFile
                );
            }

            await Task.Delay(50, cancellation);
        }
    }

    // True when every node serves.
    private async Task<bool> ShowAsync(CancellationToken cancellation)
    {
        var status = await Manager.GetStatusAsync(cancellation);
        var all = true;
        foreach (var node in _plan.Nodes)
        {
            var state = status.Nodes.FirstOrDefault(view => view.Name == node.Name)?.State;
            all &= state == NodeState.Serving;
            _show(
                Row(
                    node,
                    state switch
                    {
                        null => _children[node.Name].HasExited ? "gone" : "joining",
                        NodeState.NeverSeen => "joining",
                        { } known => known.ToString().ToLowerInvariant(),
                    }
                )
            );
        }

        return all;
    }

    private DemoRow Row(DemoNode node, string state)
    {
        var (http, https) = _plan.Addresses(node);
        var child = _children[node.Name];
        return new(node.Name, node.Profile.Name(), state, child.HasExited ? "" : Text(child.Id), http, https);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A node as the demo's table shows it.</summary>
internal sealed record DemoRow(string Node, string Profile, string State, string Process, string Http, string Https);
