using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Configuration;

namespace Gatehouse.Commands;

/// <summary>Prints what a node answered on its control socket.</summary>
internal static class ControlAnswer
{
    /// <summary>The answer's data, or its failure.</summary>
    public static void Print(Call call, string kind, ControlReply reply)
    {
        if (!reply.Done)
        {
            throw new CommandFailure(
                reply.Problems is { Count: > 0 } ? ExitCode.Invalid : ExitCode.Failed,
                reply.Summary,
                problems: [.. reply.Problems ?? []]
            );
        }

        var data = reply.Data ?? [];
        call.Output.Item(kind, data, [.. data.Select(field => (field.Key, Text(field.Value)))]);
        call.Output.Say(reply.Summary);
    }

    private static string? Text(JsonNode? value) =>
        value switch
        {
            null => null,
            JsonArray { Count: 0 } => null,
            JsonArray list => string.Join(", ", list.Select(i => i?.ToString())),
            _ => value.ToString(),
        };
}
