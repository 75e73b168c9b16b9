using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Turns the text of parameters into JSON, as far as their schema says what it is.</summary>
internal static class ParameterText
{
    private static readonly SearchValues<char> s_ofNumbers = SearchValues.Create("0123456789+-.eE");

    /// <summary>The value of text that may be of some types; text that is none of them stays text.</summary>
    public static JsonElement Value(string text, JsonTypes types) => Build(json => Write(json, text, types));

    /// <summary>A list.</summary>
    public static JsonElement List(IEnumerable<string> items, JsonTypes types) =>
        Build(json =>
        {
            json.WriteStartArray();
            foreach (var item in items)
            {
                Write(json, item, types);
            }

            json.WriteEndArray();
        });

    /// <summary>An object; a name that comes again makes a list.</summary>
    public static JsonElement Object(IEnumerable<(string Name, string Value)> members, JsonSchema schema) =>
        Build(json =>
        {
            json.WriteStartObject();
            foreach (var group in members.GroupBy(m => m.Name, StringComparer.Ordinal))
            {
                json.WritePropertyName(group.Key);
                var member = schema.Member(group.Key);
                var types = member?.Types ?? JsonTypes.None;
                var values = group.Select(g => g.Value).ToList();
                if (types.HasFlag(JsonTypes.Array))
                {
                    json.WriteStartArray();
                    values.ForEach(v => Write(json, v, member!.Items?.Types ?? JsonTypes.None));
                    json.WriteEndArray();
                }
                else if (values.Count == 1)
                {
                    Write(json, values[0], types);
                }
                else
                {
                    json.WriteStartArray();
                    values.ForEach(json.WriteStringValue);
                    json.WriteEndArray();
                }
            }

            json.WriteEndObject();
        });

    private static void Write(Utf8JsonWriter json, string text, JsonTypes types)
    {
        if (types == JsonTypes.None || types.HasFlag(JsonTypes.Text))
        {
            json.WriteStringValue(text);
        }
        else if ((types & (JsonTypes.Integer | JsonTypes.Number)) != 0 && IsNumber(text))
        {
            json.WriteRawValue(text);
        }
        else if (types.HasFlag(JsonTypes.Boolean) && text is "true" or "false")
        {
            json.WriteBooleanValue(text == "true");
        }
        else if (types.HasFlag(JsonTypes.Null) && text is "" or "null")
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteStringValue(text);
        }
    }

    // RFC 8259 §6: the runtime's own parsers take more.
    private static bool IsNumber(string text)
    {
        if (text.Length is 0 or > 64 || text.AsSpan().ContainsAnyExcept(s_ofNumbers))
        {
            return false;
        }

        try
        {
            return JsonElement.Parse(text).ValueKind == JsonValueKind.Number
                && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static JsonElement Build(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            write(json);
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }
}
