using System.Text.Json;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Refuses JSON that a parser could choke on. One pass over the body, no tree.</summary>
internal sealed class JsonLimitsPolicy(JsonLimitsSettings settings) : IWaitingPolicy
{
    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (!BodyInspection.MayBe(exchange.Request.Headers.ContentType, "json"))
        {
            return null;
        }

        if (await BodyInspection.ReadAsync(exchange, settings.MaxBytes).ConfigureAwait(false) is { } problem)
        {
            return problem;
        }

        return exchange.Buffered is { Content.Length: > 0 } body && Judge(body.Content.Span) is { } why
            ? BodyInspection.Refuse(why)
            : null;
    }

    /// <summary>Why the text is refused; null when it is not.</summary>
    internal string? Judge(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = settings.MaxDepth });
        var counts = new int[settings.MaxDepth + 1];
        var arrays = new bool[settings.MaxDepth + 1];
        try
        {
            while (reader.Read())
            {
                // A container's own depth is that of what it stands in.
                var depth = reader.CurrentDepth;
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        if (reader.ValueSpan.Length > settings.MaxNameLength)
                        {
                            return $"The JSON has a name of more than {settings.MaxNameLength} bytes.";
                        }

                        if (++counts[depth] > settings.MaxMembers)
                        {
                            return $"The JSON has an object of more than {settings.MaxMembers} members.";
                        }

                        continue;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        continue;
                    case JsonTokenType.String when reader.ValueSpan.Length > settings.MaxStringLength:
                        return $"The JSON has a string of more than {settings.MaxStringLength} bytes.";
                }

                if (depth > 0 && arrays[depth] && ++counts[depth] > settings.MaxItems)
                {
                    return $"The JSON has an array of more than {settings.MaxItems} items.";
                }

                if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
                {
                    counts[depth + 1] = 0;
                    arrays[depth + 1] = reader.TokenType == JsonTokenType.StartArray;
                }
            }

            return null;
        }
        catch (JsonException bad)
        {
            return bad.Message.Contains("depth", StringComparison.Ordinal)
                ? $"The JSON is nested deeper than {settings.MaxDepth}."
                : $"The body is not JSON (line {bad.LineNumber + 1}, byte {bad.BytePositionInLine + 1}).";
        }
    }
}
