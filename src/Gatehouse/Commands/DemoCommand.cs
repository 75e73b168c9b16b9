using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Demo;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse demo</c>: manager, workers, balancer and backend as real processes, two APIs, a key and a curl line.</summary>
internal static class DemoCommand
{
    private static readonly string[] s_samples = ["petstore", "pizzashack"];

    private static readonly Option<int> s_workers = Nodes("--workers", 2, 1);
    private static readonly Option<int> s_balancers = Nodes("--balancers", 1, 1);
    private static readonly Option<int?> s_offset = new("--port-offset")
    {
        Description = "Added to every port (default: the first offset that is free)",
        HelpName = "N",
    };
    private static readonly Option<string?> s_keep = new("--keep")
    {
        Description = "Keep the cluster in this directory; the same command starts it again",
        HelpName = "DIR",
    };

    public static Command Create() =>
        new Command(
            "demo",
            "Start a whole cluster on this machine: manager, workers, balancer, sample backend, two APIs"
        )
            .With(s_workers, s_balancers, s_offset, s_keep)
            .Does(RunAsync);

    private static async Task<ExitCode> RunAsync(Call call, CancellationToken cancellation)
    {
        var began = Process.GetCurrentProcess().StartTime.ToUniversalTime();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var plan = DemoPlan.Choose(call.Get(s_offset), call.Get(s_workers), call.Get(s_balancers));
        var kept = call.Get(s_keep) is { } keep ? Path.GetFullPath(keep) : null;
        var directory = kept ?? Directory.CreateTempSubdirectory("gatehouse-demo-").FullName;
        var name = plan.Offset == 0 ? "demo" : string.Create(CultureInfo.InvariantCulture, $"demo-{plan.Offset}");
        var credentials = Credentials.PathFor(call.Terminal);
        var before = Credentials.Load(credentials);
        var table = new LiveTable<DemoRow>(
            call.Terminal,
            s_columns,
            row => $"{row.Node, -11} {row.Profile, -16} {row.State}"
        );
        try
        {
            await using var cluster = new DemoCluster(directory, plan, row => table.Set(row.Node, row));
            var key = "";
            await table.ShowAsync(async () => key = await cluster.StartAsync(name, s_samples, stop.Token));
            var balancer = plan.Nodes.First(node => node.Profile == Model.Profile.LoadBalancer);
            var url = new Uri($"{plan.Addresses(balancer).Https}/petstore/1.0.0/pets");
            // The key comes to one worker before the other, and what is printed leads to any of them.
            await Task.WhenAll(
                plan.Nodes.Where(node => node.Profile == Model.Profile.GatewayWorker)
                    .Select(worker => new Uri($"{plan.Addresses(worker).Https}{url.AbsolutePath}"))
                    .Append(url)
                    .Select(at => cluster.FirstAnswerAsync(at, key, stop.Token))
            );
            Print(call, plan, cluster, key, url, DateTime.UtcNow - began, kept);
            await cluster.WatchAsync(stop.Token);
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            call.Output.Say(
                kept is null ? "Stopped and removed." : $"Stopped. Start it again: gatehouse demo --keep {kept}"
            );
            return ExitCode.Done;
        }
        finally
        {
            if (kept is null)
            {
                Directory.Delete(directory, recursive: true);
                Forget(credentials, name, before.Current);
            }
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private static readonly Column<DemoRow>[] s_columns =
    [
        new("NODE", row => row.Node),
        new("PROFILE", row => row.Profile),
        new("STATE", row => row.State),
        new("PID", row => row.Process),
        new("HTTP", row => row.Http),
        new("HTTPS", row => row.Https),
    ];

    private static void Print(
        Call call,
        DemoPlan plan,
        DemoCluster cluster,
        string key,
        Uri url,
        TimeSpan took,
        string? kept
    )
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item(
                "Demo",
                new
                {
                    seconds = Math.Round(took.TotalSeconds, 2),
                    console = cluster.SignIn,
                    balancer = url.GetLeftPart(UriPartial.Authority),
                    key,
                    client = new { id = cluster.Client.Id, secret = cluster.Client.Secret },
                    authority = cluster.Authority,
                    url = url.ToString(),
                    nodes = plan.Nodes.Select(node => new
                    {
                        name = node.Name,
                        profile = node.Profile,
                        http = plan.Addresses(node).Http,
                        https = plan.Addresses(node).Https,
                    }),
                }
            );
            return;
        }

        var seconds = took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        foreach (
            var line in new[]
            {
                "",
                $"First answer after {seconds} s. {plan.Nodes.Length + 1} real processes, mutual TLS between the nodes. "
                    + (kept is null ? "Ctrl+C removes everything." : $"Ctrl+C stops them; {kept} keeps the cluster."),
                "",
                $"  Balancer   {url.GetLeftPart(UriPartial.Authority)}   APIs: /petstore/1.0.0 /pizzashack/1.0.0",
                $"  Console    {cluster.SignIn}",
                $"  API key    {key}",
                "",
                $"  curl --cacert {cluster.Authority} -H 'apikey: {key}' {url}",
                "",
                "  The same application with OAuth2: a token, then the call",
                $$"""  TOKEN=$(curl -s --cacert {{cluster.Authority}} -u {{cluster.Client.Id}}:{{cluster.Client.Secret}} -d grant_type=client_credentials {{url.GetLeftPart(UriPartial.Authority)}}/token | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')""",
                $"  curl --cacert {cluster.Authority} -H \"Authorization: Bearer $TOKEN\" {url}",
                "",
                "  In another terminal: gatehouse status    gatehouse node drain worker-1    kill -9 a worker and call on",
            }
        )
        {
            call.Output.Line(line);
        }
    }

    private static void Forget(string path, string name, string? before)
    {
        var credentials = Credentials.Load(path).Without(name);
        (
            credentials with
            {
                Current = before is not null && credentials.Contexts.ContainsKey(before) ? before : credentials.Current,
            }
        ).Save(path);
    }

    private static Option<int> Nodes(string name, int usual, int least)
    {
        var option = new Option<int>(name)
        {
            Description = $"How many (default {usual})",
            HelpName = "N",
            DefaultValueFactory = _ => usual,
        };
        option.Validators.Add(result =>
        {
            if (
                result.Tokens.Count == 1
                && int.TryParse(result.Tokens[0].Value, out var count)
                && (count < least || count > DemoPlan.MostNodes / 2)
            )
            {
                result.AddError($"{name} takes a number from {least} to {DemoPlan.MostNodes / 2}");
            }
        });
        return option;
    }
}
