using System.CommandLine;

namespace Gatehouse.Cli;

/// <summary>
/// For processes that belong to another: they stop when their standard input ends, because the kernel closes that pipe
/// however the owner ends.
/// </summary>
internal static class StopWithInput
{
    public static readonly Option<bool> Option = new("--stop-with-stdin") { Hidden = true };

    /// <summary>Cancels <paramref name="stop"/> at the end of standard input; waits for that when the option was given, else for nothing.</summary>
    public static async Task FollowAsync(Call call, CancellationTokenSource stop)
    {
        if (!call.Get(Option))
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stop.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        // A read of a pipe cannot be cancelled: when the process is told to stop in another way, it is left behind.
        await Task
            .Factory.StartNew(ReadToEnd, TaskCreationOptions.LongRunning)
            .WaitAsync(stop.Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await stop.CancelAsync();
    }

    private static void ReadToEnd()
    {
        Span<byte> buffer = stackalloc byte[256];
        using var input = Console.OpenStandardInput();
        while (input.Read(buffer) > 0)
        {
            // Nothing is said on it.
        }
    }
}
