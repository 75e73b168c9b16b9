using System.Diagnostics;
using System.Net;
using System.Text;
using Gatehouse.Bench.Worker;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Microsoft.Extensions.Logging.Abstractions;

// A worker's data plane alone, with a table made here instead of fed:
//   worker PORT BACKEND APIS ACCESSLOG|-none
// With GATEHOUSE_BENCH_TRANSPORT=sockets on the runtime's sockets, else on the loops where they run.
// The open API is at /open/1.0.0/*, the keyed one at /keyed/1.0.0/*; its key is BenchTable.Secret.
if (args is not [var port, var backend, var apis, var log])
{
    await Console.Error.WriteLineAsync("usage: worker PORT BACKEND APIS ACCESSLOG|none");
    return 2;
}

using var loops =
    Environment.GetEnvironmentVariable("GATEHOUSE_BENCH_TRANSPORT") == "sockets"
        ? null
        : LoopGroup.TryStart(NullLoggerFactory.Instance);
var options = new GatewayOptions
{
    Loops = loops,
    Node = "bench",
    RunsInline = Environment.GetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS") == "1",
    AccessLog = log == "none" ? null : new AccessLog(log, NullLogger.Instance),
};
var table = new GatewayTable(options, TimeProvider.System);
var changes = BenchTable.Changes(backend, int.Parse(apis, provider: null));

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
await listeners.StartAsync([
    new() { Name = "http", EndPoint = new IPEndPoint(IPAddress.Loopback, int.Parse(port, provider: null)) },
]);
Console.WriteLine(
    $"{{\"apis\":{table.Apis},\"compileMs\":{compiled.TotalMilliseconds:F0},\"inline\":{(options.RunsInline ? "true" : "false")},\"loops\":{loops?.Count ?? 0}}}"
);

var stop = new TaskCompletionSource();
using var terminate = System.Runtime.InteropServices.PosixSignalRegistration.Create(
    System.Runtime.InteropServices.PosixSignal.SIGTERM,
    signal =>
    {
        signal.Cancel = true;
        stop.TrySetResult();
    }
);
await stop.Task;
if (options.AccessLog is { } accessLog)
{
    await accessLog.DisposeAsync();
}

return 0;
