using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// The document of an API as its callers need it, in JSON: with the gateway's addresses in the place of the backends', and
/// without what it tells the gateway of backends and policies.
/// </summary>
internal static partial class CallersDocument
{
    private static readonly JsonWriterOptions s_options = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // served as JSON with nosniff, never in a page
    };

    // Of the gateway's own configuration, which callers have no part in.
    private static readonly string[] s_own =
    [
        "x-gatehouse-",
        "x-wso2-",
        "x-throttling-",
        "x-mediation-",
        "x-auth-type",
        "x-amazon-apigateway-",
    ];

    /// <summary>Writes it. Throws <see cref="DocumentException"/> for a document that cannot be read.</summary>
    /// <param name="document">What the publisher handed in.</param>
    /// <param name="addresses">Where the API is called; of Swagger 2.0 the first counts.</param>
    public static byte[] Of(ReadOnlyMemory<byte> document, ImmutableArray<CallAddress> addresses)
    {
        var root = DocumentReader.Read(document, out _);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, s_options))
        {
            writer.WriteStartObject();
            var isVersion2 = root["swagger"] is not null;
            foreach (var member in root.Members.Where(m => !IsOwn(m.Name)))
            {
                if (member.Name == "paths")
                {
                    writer.WritePropertyName("paths");
                    WritePaths(writer, member.Value);
                }
                else if (isVersion2 ? member.Name is not ("host" or "basePath" or "schemes") : member.Name != "servers")
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }
            }

            if (isVersion2)
            {
                WriteHost(writer, addresses);
            }
            else
            {
                WriteServers(writer, addresses);
            }

            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteServers(Utf8JsonWriter writer, ImmutableArray<CallAddress> addresses)
    {
        writer.WriteStartArray("servers");
        foreach (var address in addresses)
        {
            writer.WriteStartObject();
            writer.WriteString("url", address.Url);
            if (addresses.Length > 1)
            {
                writer.WriteString("description", address.Environment);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteHost(Utf8JsonWriter writer, ImmutableArray<CallAddress> addresses)
    {
        if (addresses is [var first, ..] && Uri.TryCreate(first.Url, UriKind.Absolute, out var url))
        {
            writer.WriteString("host", url.Authority);
            writer.WriteString("basePath", url.AbsolutePath);
            writer.WriteStartArray("schemes");
            writer.WriteStringValue(url.Scheme);
            writer.WriteEndArray();
        }
    }

    // Paths and operations may name servers and settings of their own.
    private static void WritePaths(Utf8JsonWriter writer, DocumentNode paths)
    {
        writer.WriteStartObject();
        foreach (var path in paths.Members.Where(p => !IsOwn(p.Name)))
        {
            writer.WriteStartObject(path.Name);
            foreach (var member in path.Value.Members.Where(m => !IsOwn(m.Name) && m.Name != "servers"))
            {
                writer.WritePropertyName(member.Name);
                if (member.Value.Kind != NodeKind.Object)
                {
                    Write(writer, member.Value);
                    continue;
                }

                writer.WriteStartObject();
                foreach (
                    var inner in member.Value.Members.Where(m =>
                        !IsOwn(m.Name) && m.Name is not ("servers" or "schemes")
                    )
                )
                {
                    writer.WritePropertyName(inner.Name);
                    Write(writer, inner.Value);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static bool IsOwn(string name) =>
        name.StartsWith("x-", StringComparison.OrdinalIgnoreCase)
        && s_own.Any(own => name.StartsWith(own, StringComparison.OrdinalIgnoreCase));

    private static void Write(Utf8JsonWriter writer, DocumentNode node)
    {
        switch (node.Kind)
        {
            case NodeKind.Object:
                writer.WriteStartObject();
                foreach (var member in node.Members)
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case NodeKind.Array:
                writer.WriteStartArray();
                foreach (var item in node.Items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case NodeKind.Null:
                writer.WriteNullValue();
                break;
            case NodeKind.Boolean:
                writer.WriteBooleanValue(node.Text.Equals("true", StringComparison.OrdinalIgnoreCase));
                break;
            // YAML has numbers that JSON has not: they stay as they were written.
            case NodeKind.Number when Number().IsMatch(node.Text):
                writer.WriteRawValue(node.Text);
                break;
            default:
                writer.WriteStringValue(node.Text);
                break;
        }
    }

    [GeneratedRegex(@"\A-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\z")]
    private static partial Regex Number();
}

/// <summary>Where an API is called in one environment.</summary>
/// <param name="Environment">Its name.</param>
/// <param name="Url">Scheme, host, context and version.</param>
internal sealed record CallAddress(string Environment, string Url);
