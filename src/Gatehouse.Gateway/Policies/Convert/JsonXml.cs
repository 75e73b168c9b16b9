using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Xml;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// JSON to XML and back, by WSO2's shapes: a member is an element, an array is elements of one name, <c>@name</c> is an
/// attribute and <c>$</c> the text beside attributes. Values that were XML are strings: XML has no other.
/// </summary>
internal static class JsonXml
{
    private const int Deepest = 64;

    private static readonly XmlWriterSettings s_xml = new()
    {
        Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        OmitXmlDeclaration = true,
        CheckCharacters = true,
    };

    /// <summary>Throws <see cref="JsonException"/> for text that is no JSON, <see cref="FormatException"/> for characters that XML has not.</summary>
    public static ReadOnlyMemory<byte> ToXml(ReadOnlyMemory<byte> json, string root)
    {
        using var document = JsonDocument.Parse(json, new() { MaxDepth = Deepest });
        using var bytes = new MemoryStream(json.Length * 2);
        using (var writer = XmlWriter.Create(bytes, s_xml))
        {
            try
            {
                var value = document.RootElement;
                var alone = Alone(value);
                Write(writer, alone is { } member ? member.Name : root, alone?.Value ?? value);
                if (writer.WriteState == WriteState.Start)
                {
                    throw new FormatException("An empty list is no element.");
                }
            }
            catch (ArgumentException bad)
            {
                throw new FormatException(bad.Message, bad);
            }
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    /// <summary>Throws <see cref="XmlException"/> for text that is no XML or has a document type.</summary>
    public static ReadOnlyMemory<byte> ToJson(ReadOnlyMemory<byte> xml)
    {
        using var reader = XmlReader.Create(XmlLimitsPolicy.StreamOf(xml), XmlLimitsPolicy.Safe);
        reader.MoveToContent();
        var root = Read(reader, 0);
        var json = new ArrayBufferWriter<byte>(xml.Length);
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WritePropertyName(root.Name);
            Write(writer, root);
            writer.WriteEndObject();
        }

        return json.WrittenMemory;
    }

    private static JsonProperty? Alone(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() != 1)
        {
            return null;
        }

        var member = value.EnumerateObject().First();
        return member.Value.ValueKind != JsonValueKind.Array && !IsSpecial(member.Name) ? member : null;
    }

    private static bool IsSpecial(string name) => name is "$" or ['@', ..];

    private static void Write(XmlWriter writer, string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
            {
                Write(writer, name, item);
            }

            return;
        }

        writer.WriteStartElement(XmlConvert.EncodeLocalName(name is "" ? "_" : name));
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in value.EnumerateObject().Where(m => IsAttribute(m)))
            {
                writer.WriteAttributeString(XmlConvert.EncodeLocalName(member.Name[1..]), TextOf(member.Value));
            }

            foreach (var member in value.EnumerateObject().Where(m => !IsAttribute(m)))
            {
                if (member.Name == "$")
                {
                    writer.WriteString(TextOf(member.Value));
                }
                else
                {
                    Write(writer, member.Name, member.Value);
                }
            }
        }
        else if (value.ValueKind != JsonValueKind.Null)
        {
            writer.WriteString(TextOf(value));
        }

        writer.WriteEndElement();
    }

    private static bool IsAttribute(JsonProperty member) =>
        member.Name is ['@', _, ..] && member.Value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array);

    private static string TextOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static Element Read(XmlReader reader, int depth)
    {
        if (depth >= Deepest)
        {
            throw new XmlException($"Nested deeper than {Deepest}.");
        }

        var element = new Element(reader.LocalName);
        var isEmpty = reader.IsEmptyElement;
        while (reader.MoveToNextAttribute())
        {
            if (reader.Prefix != "xmlns" && reader.Name != "xmlns")
            {
                element.Attributes.Add(("@" + reader.LocalName, reader.Value));
            }
        }

        if (isEmpty)
        {
            return element;
        }

        while (reader.Read() && reader.NodeType != XmlNodeType.EndElement)
        {
            if (reader.NodeType == XmlNodeType.Element)
            {
                element.Children.Add(Read(reader, depth + 1));
            }
            else if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace)
            {
                element.Text.Append(reader.Value);
            }
        }

        return element;
    }

    private static void Write(Utf8JsonWriter writer, Element element)
    {
        if (element.Children.Count == 0 && element.Attributes.Count == 0)
        {
            if (element.Text.Length == 0)
            {
                writer.WriteNullValue();
            }
            else
            {
                writer.WriteStringValue(element.Text.ToString());
            }

            return;
        }

        writer.WriteStartObject();
        foreach (var (name, value) in element.Attributes.DistinctBy(a => a.Name))
        {
            writer.WriteString(name, value);
        }

        foreach (var group in element.Children.GroupBy(c => c.Name))
        {
            writer.WritePropertyName(group.Key);
            if (group.Skip(1).Any())
            {
                writer.WriteStartArray();
                foreach (var child in group)
                {
                    Write(writer, child);
                }

                writer.WriteEndArray();
            }
            else
            {
                Write(writer, group.First());
            }
        }

        if (element.Text.ToString() is var text && !string.IsNullOrWhiteSpace(text))
        {
            writer.WriteString("$", text);
        }

        writer.WriteEndObject();
    }

    private sealed record Element(string LocalName)
    {
        public string Name { get; } = XmlConvert.DecodeName(LocalName);
        public List<(string Name, string Value)> Attributes { get; } = [];
        public List<Element> Children { get; } = [];
        public StringBuilder Text { get; } = new();
    }
}
