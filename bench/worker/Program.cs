using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Bench.Worker;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

// A worker's data plane alone, with a table made here instead of fed:
//   worker --port N --backend URL [--apis N] [--log FILE] [--keys FILE] [--transport sockets]
//          [--tls-port N --certificate FILE.pem]
// or the tokens for it: worker --tokens COUNT --directory DIR
// On the loops where they run, or on the runtime's sockets. The open API is at /open/1.0.0/*, the one that asks for a key at
// /keyed/1.0.0/* (BenchTable.Secret), the one that asks for a token at /token/1.0.0/*.
var arguments = new ConfigurationBuilder().AddCommandLine(args).Build();
if (arguments["tokens"] is not null)
{
    BenchTokens.Write(arguments["directory"] ?? ".", arguments.GetValue<int>("tokens"));
    return 0;
}

if (arguments["port"] is null || arguments["backend"] is not { } backend)
{
    await Console.Error.WriteLineAsync("usage: worker --port N --backend URL [--apis N] [--log FILE] ...");
    return 2;
}

using var loops = arguments["transport"] == "sockets" ? null : LoopGroup.TryStart(NullLoggerFactory.Instance);
var options = new GatewayOptions
{
    Loops = loops,
    Node = "bench",
    RunsInline = Environment.GetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS") == "1",
    AccessLog = arguments["log"] is { } log ? new AccessLog(log, NullLogger.Instance) : null,
};
var table = new GatewayTable(options, TimeProvider.System);
var changes = BenchTable.Changes(
    backend,
    arguments.GetValue("apis", 3),
    arguments["keys"] is { } keys ? await File.ReadAllTextAsync(keys) : null
);

var began = Stopwatch.GetTimestamp();
var prepared = table.Prepare(changes, replace: true);
if (!prepared.Refusals.IsEmpty)
{
    await Console.Error.WriteLineAsync(prepared.Refusals[0].ToString());
    return 1;
}

prepared.Publish();
var compiled = Stopwatch.GetElapsedTime(began);

await using var listeners = new ListenerSet(
    new GatewayEngine(table, options, TimeProvider.System, NullLoggerFactory.Instance),
    NullLoggerFactory.Instance
);
var ports = new List<ListenerSettings>
{
    new() { Name = "http", EndPoint = new IPEndPoint(IPAddress.Loopback, arguments.GetValue<int>("port")) },
};
using var certificate = arguments["certificate"] is { } pem ? X509Certificate2.CreateFromPemFile(pem) : null;
if (certificate is not null)
{
    var tls = new SslServerAuthenticationOptions
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
    };
    ports.Add(
        new()
        {
            Name = "https",
            EndPoint = new IPEndPoint(IPAddress.Loopback, arguments.GetValue<int>("tls-port")),
            Tls = _ => tls,
        }
    );
}

await listeners.StartAsync(ports);
Console.WriteLine(
    $"{{\"apis\":{table.Apis},\"compileMs\":{compiled.TotalMilliseconds:F0},\"inline\":{(options.RunsInline ? "true" : "false")},\"loops\":{loops?.Count ?? 0}}}"
);

var reports = new List<PosixSignalRegistration>();

// SIGUSR1 asks what was allocated so far; SIGUSR2 first frees what can be freed.
foreach (var (signal, collects) in ((int, bool)[])[(10, false), (12, true)])
{
    reports.Add(
        PosixSignalRegistration.Create(
            (PosixSignal)signal,
            context =>
            {
                context.Cancel = true;
                if (collects)
                {
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                }

                Console.WriteLine($"{{\"allocated\":{GC.GetTotalAllocatedBytes(precise: true)}}}");
            }
        )
    );
}

var stop = new TaskCompletionSource();
using var terminate = PosixSignalRegistration.Create(
    PosixSignal.SIGTERM,
    signal =>
    {
        signal.Cancel = true;
        stop.TrySetResult();
    }
);
await stop.Task;
reports.ForEach(r => r.Dispose());
if (options.AccessLog is { } accessLog)
{
    await accessLog.DisposeAsync();
}

return 0;
