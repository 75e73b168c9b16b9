using System.Runtime.InteropServices;
using System.Xml;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Refuses XML that a parser could choke on. A document type is refused as such: entities and addresses come with it.</summary>
internal sealed class XmlLimitsPolicy(XmlLimitsSettings settings) : IWaitingPolicy
{
    /// <summary>How every policy reads XML: no document type, nothing fetched.</summary>
    internal static readonly XmlReaderSettings Safe = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
    };

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (!BodyInspection.MayBe(exchange.Request.Headers.ContentType, "xml"))
        {
            return null;
        }

        if (await BodyInspection.ReadAsync(exchange, settings.MaxBytes).ConfigureAwait(false) is { } problem)
        {
            return problem;
        }

        return exchange.Buffered is { Content.Length: > 0 } body && Judge(body.Content) is { } why
            ? BodyInspection.Refuse(why)
            : null;
    }

    /// <summary>Why the text is refused; null when it is not.</summary>
    internal string? Judge(ReadOnlyMemory<byte> xml)
    {
        using var reader = XmlReader.Create(StreamOf(xml), Safe);
        var elements = 0;
        try
        {
            while (reader.Read())
            {
                if (reader.Depth >= settings.MaxDepth && reader.NodeType == XmlNodeType.Element)
                {
                    return $"The XML is nested deeper than {settings.MaxDepth}.";
                }

                if (reader.NodeType == XmlNodeType.Element && ++elements > settings.MaxElements)
                {
                    return $"The XML has more than {settings.MaxElements} elements.";
                }

                if (reader.AttributeCount > settings.MaxAttributes)
                {
                    return $"The XML has an element of more than {settings.MaxAttributes} attributes.";
                }

                if (IsTooLong(reader))
                {
                    return $"The XML has a text of more than {settings.MaxTextLength} characters.";
                }
            }

            return null;
        }
        catch (XmlException bad)
        {
            return bad.Message.Contains("DTD", StringComparison.Ordinal)
                ? "The XML has a document type (DTD), which this API does not take."
                : $"The body is not XML (line {bad.LineNumber}, column {bad.LinePosition}).";
        }
    }

    /// <summary>A stream over bytes, without copying them where they are an array.</summary>
    internal static MemoryStream StreamOf(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out var array)
            ? new(array.Array!, array.Offset, array.Count, writable: false)
            : new(bytes.ToArray(), writable: false);

    private bool IsTooLong(XmlReader reader)
    {
        if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace)
        {
            return reader.Value.Length > settings.MaxTextLength;
        }

        for (var i = 0; i < reader.AttributeCount; i++)
        {
            if (reader.GetAttribute(i).Length > settings.MaxTextLength)
            {
                return true;
            }
        }

        return false;
    }
}
