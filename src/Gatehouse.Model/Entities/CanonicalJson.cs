using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Gatehouse.Model;

/// <summary>
/// One spelling for one value: UTF-8 JSON, members sorted by ordinal name, no white space, null members left out. Equal
/// content has an equal digest, whichever build wrote it.
/// </summary>
public static class CanonicalJson
{
    private static readonly JsonWriterOptions s_compact = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The canonical bytes of <paramref name="value"/>.</summary>
    public static byte[] Write<T>(T value, JsonTypeInfo<T> type)
    {
        using var document = JsonSerializer.SerializeToDocument(value, type);
        return Write(document.RootElement);
    }

    /// <summary>The canonical bytes of <paramref name="element"/>.</summary>
    public static byte[] Write(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, s_compact))
        {
            Write(writer, element);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (
                    var member in element
                        .EnumerateObject()
                        .Where(m => m.Value.ValueKind != JsonValueKind.Null)
                        .OrderBy(m => m.Name, StringComparer.Ordinal)
                )
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
}
