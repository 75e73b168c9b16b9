using System.CommandLine;
using Gatehouse.Cli;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse trace grant</c>: what lets its holder look behind the gateway for a while.</summary>
internal static class TraceCommands
{
    public static Command Create() => new Command("trace", "Look behind the gateway").With(Grant());

    private static Command Grant()
    {
        var life = Duration.Option("--for", "How long it is good for, at most 1h (default: 15m)");
        return new Command("grant", "Make a trace grant: the value of X-Gatehouse-Grant")
            .With(life)
            .Does(
                async (call, cancellation) =>
                {
                    var seconds = (int)
                        Math.Min(int.MaxValue, (call.Get(life) ?? TimeSpan.FromMinutes(15)).TotalSeconds);
                    var grant = await call.Manager.CreateTraceGrantAsync(new(seconds), cancellation);
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("TraceGrant", grant);
                        return;
                    }

                    call.Output.Say(
                        $"Good until {grant.ExpiresAt:u}. Send it as X-Gatehouse-Grant: the answer tells X-Gatehouse-Epoch, and X-Gatehouse-Min-Epoch is heeded."
                    );
                    call.Output.Line(grant.Grant);
                }
            );
    }
}
