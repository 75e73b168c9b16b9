using System.Text.Json;
using System.Xml;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>Turns the request's body into the other format.</summary>
internal sealed class ConvertRequestPolicy(ConvertSettings settings) : IWaitingPolicy
{
    private readonly Conversion _conversion = new(settings.Request!, settings.Root);

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (!_conversion.Takes(exchange.Request.Headers.ContentType))
        {
            return null;
        }

        if (await BodyInspection.ReadAsync(exchange, settings.MaxBytes).ConfigureAwait(false) is { } problem)
        {
            return problem;
        }

        if (exchange.Buffered is not { Content.Length: > 0 } body)
        {
            return null;
        }

        if (!_conversion.TryTurn(body.Content, out var turned, out var why))
        {
            return BodyInspection.Refuse(why);
        }

        exchange.Request.Headers.ContentType = _conversion.Gives;
        exchange.ReplaceBody(turned);
        return null;
    }
}

/// <summary>Turns the answer's body into the other format.</summary>
internal sealed class ConvertAnswerPolicy(ConvertSettings settings) : IAnswerPolicy
{
    private readonly Conversion _conversion = new(settings.Answer!, settings.Root);

    public bool RunsAgain => false;

    // What comes back compressed could not be converted.
    public GatewayProblem? Apply(Exchange exchange)
    {
        exchange.Request.Headers.AcceptEncoding = StringValues.Empty;
        return null;
    }

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        var headers = exchange.Response.Headers;
        if (!_conversion.Takes(headers.ContentType))
        {
            return new((GatewayProblem?)null);
        }

        headers.ContentType = _conversion.Gives;

        // It named the bytes that were.
        headers.ETag = StringValues.Empty;
        if (!exchange.AnswerHasBody)
        {
            headers.ContentLength = null;
            return new((GatewayProblem?)null);
        }

        if (headers.ContentEncoding.Count > 0)
        {
            return new(Conversion.Unreadable("it is compressed"));
        }

        exchange.Filter(new Converted(_conversion, settings.MaxBytes));
        return new((GatewayProblem?)null);
    }

    private sealed class Converted(Conversion conversion, int most)
        : WholeAnswer(most, Conversion.Unreadable($"it is larger than {most} bytes"))
    {
        protected override ValueTask<(ReadOnlyMemory<byte> Body, GatewayProblem? Problem)> TurnAsync(
            ReadOnlyMemory<byte> whole
        ) =>
            new(
                whole.IsEmpty ? (whole, null)
                : conversion.TryTurn(whole, out var body, out var why) ? (body, null)
                : (default, Conversion.Unreadable(why))
            );
    }
}

/// <summary>One direction between JSON and XML.</summary>
internal sealed class Conversion(string name, string root)
{
    private readonly bool _toXml = name == "json-to-xml";

    /// <summary>The media type of what comes out.</summary>
    public string Gives => _toXml ? "application/xml; charset=UTF-8" : "application/json; charset=UTF-8";

    /// <summary>True when a body of that media type is converted.</summary>
    public bool Takes(StringValues contentType) =>
        contentType.Count > 0
        && contentType.ToString().Contains(_toXml ? "json" : "xml", StringComparison.OrdinalIgnoreCase);

    public bool TryTurn(ReadOnlyMemory<byte> body, out ReadOnlyMemory<byte> turned, out string why)
    {
        why = "";
        try
        {
            turned = _toXml ? JsonXml.ToXml(body, root) : JsonXml.ToJson(body);
            return true;
        }
        catch (Exception bad)
            when (bad is JsonException or XmlException or FormatException or InvalidOperationException)
        {
            why = _toXml ? "The body is not JSON that XML can hold." : "The body is not XML, or has a document type.";
            turned = default;
            return false;
        }
    }

    /// <summary>An answer that cannot be converted.</summary>
    public static GatewayProblem Unreadable(string why) =>
        new(502, "502", "Answer Not Converted", $"The back end's answer could not be converted: {why}");
}
