using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Samples;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse sample-backend</c>, which the demo starts: the backend of both sample APIs.</summary>
internal static class SampleBackendCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port")
        {
            Description = "Port on 127.0.0.1 (default: a free one, printed)",
            HelpName = "N",
        };
        return new Command("sample-backend", "Serve the resources of the sample APIs") { Hidden = true }
            .With(port, StopWithInput.Option)
            .Does(
                async (call, cancellation) =>
                {
                    await using var backend = await SampleBackend.StartAsync(call.Get(port), cancellation);
                    call.Output.Line(backend.Url);
                    using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                    var following = StopWithInput.FollowAsync(call, stop);
                    await backend.WaitForShutdownAsync(stop.Token);
                    await stop.CancelAsync();
                    await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            );
    }
}
