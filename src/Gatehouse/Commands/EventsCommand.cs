using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse events</c>: what changes, as it changes.</summary>
internal static class EventsCommand
{
    public static Command Create()
    {
        var after = new Option<long?>("--after")
        {
            Description = "Begin behind this epoch instead of now",
            HelpName = "EPOCH",
        };
        var count = new Option<int?>("--count") { Description = "End after so many changes", HelpName = "N" };
        return new Command("events", "Follow what changes in the catalogue, as far as you may see it; Ctrl+C ends it")
            .With(after, count)
            .Does(
                async (call, cancellation) =>
                {
                    var left = call.Get(count) ?? int.MaxValue;
                    await foreach (
                        var item in EventStream.FollowAsync(
                            call.Manager,
                            call.Get(after)?.ToString(CultureInfo.InvariantCulture),
                            cancellation
                        )
                    )
                    {
                        switch (item.EventType)
                        {
                            case "change":
                                Print(call, item.Data);
                                left--;
                                break;
                            case "began":
                                call.Output.Say($"Following from epoch {item.EventId}");
                                break;
                            case "reset":
                                call.Output.Say(
                                    "Not every change since then is known any more, or the catalogue was restored: read what you keep again"
                                );
                                break;
                        }

                        if (left <= 0)
                        {
                            return;
                        }
                    }
                }
            );
    }

    // A line each, so that it can be piped while it goes on.
    private static void Print(Call call, string data)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Line(data);
            return;
        }

        var change = JsonSerializer.Deserialize<ChangeEvent>(data, ManagerClient.Json)!;
        call.Output.Line(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{change.Epoch, 8}  {(change.Deleted ? "gone   " : "changed")}  {change.Kind, -18}  {change.Name}"
            )
        );
    }
}
