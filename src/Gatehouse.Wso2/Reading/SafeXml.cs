using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// Reads XML that nobody vouches for: no document type, hence no entities and nothing fetched; bounded in bytes, depth and
/// number of elements; what is wrong has line and column.
/// </summary>
public static class SafeXml
{
    /// <summary>Deepest nesting.</summary>
    public const int MaxDepth = 100;

    /// <summary>Most elements of one document.</summary>
    public const int MaxElements = 200_000;

    /// <summary>The document; null when it cannot be read, and then the log says why.</summary>
    public static XDocument? ReadFile(string path, ReadingLog log) =>
        SafeFile.Read(path, log) is { } bytes ? Read(bytes, path, log) : null;

    /// <summary>The document in <paramref name="bytes"/>, called <paramref name="file"/> in problems.</summary>
    public static XDocument? Read(byte[] bytes, string file, ReadingLog log)
    {
        try
        {
            if (FirstExcess(bytes) is { } excess)
            {
                log.Problem(excess.Place(file), "", excess.Reason, "is this the right file?");
                return null;
            }

            using var reader = XmlReader.Create(new MemoryStream(bytes), Settings());
            return XDocument.Load(reader, LoadOptions.SetLineInfo | LoadOptions.PreserveWhitespace);
        }
        catch (XmlException e)
        {
            var place = IsDocumentType(e)
                ? DocumentTypeIn(bytes, file)
                : new Place(file, Math.Max(e.LineNumber, 1), Math.Max(e.LinePosition, 1));
            log.Problem(place, "", Reason(e), Fix(e));
        }
        catch (Exception e) when (e is DecoderFallbackException or ArgumentException or NotSupportedException)
        {
            log.Problem(
                new Place(file, 1, 1),
                "",
                $"the file's encoding cannot be read: {e.Message}",
                "save the file as UTF-8 and say so in its first line: <?xml version=\"1.0\" encoding=\"UTF-8\"?>"
            );
        }

        return null;
    }

    private static XmlReaderSettings Settings() =>
        new()
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = SafeFile.MaxBytes,
            MaxCharactersFromEntities = 1024,
            CloseInput = true,
        };

    // Looked at without building anything: a tree of a million levels is dangerous to walk once it is there.
    private static Excess? FirstExcess(byte[] bytes)
    {
        using var reader = XmlReader.Create(new MemoryStream(bytes), Settings());
        var elements = 0;
        while (reader.Read())
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                continue;
            }

            var line = (IXmlLineInfo)reader;
            if (reader.Depth >= MaxDepth)
            {
                return new(line.LineNumber, line.LinePosition, $"elements are nested deeper than {MaxDepth}");
            }

            if (++elements > MaxElements)
            {
                return new(line.LineNumber, line.LinePosition, $"the document has more than {MaxElements:N0} elements");
            }
        }

        return null;
    }

    private static string Reason(XmlException e)
    {
        if (IsDocumentType(e))
        {
            return "the document has a document type (<!DOCTYPE …>), through which entities could read files or grow without bound";
        }

        // The parser repeats the place in its words.
        var end = e.Message.IndexOf(" Line ", StringComparison.Ordinal);
        return $"this is not well-formed XML: {(end > 0 ? e.Message[..end] : e.Message)}";
    }

    private static bool IsDocumentType(XmlException e) =>
        e.Message.Contains("DTD is prohibited", StringComparison.Ordinal);

    // The parser says where it began to read, not where the declaration is.
    private static Place DocumentTypeIn(byte[] bytes, string file)
    {
        var text = Encoding.Latin1.GetString(bytes);
        var at = Math.Max(text.IndexOf("<!DOCTYPE", StringComparison.Ordinal), 0);
        var line = text.AsSpan(0, at).Count('\n') + 1;
        return new(file, line, at - text.LastIndexOf('\n', at));
    }

    private static string Fix(XmlException e) =>
        IsDocumentType(e) ? "remove the DOCTYPE and write the text in place of the entities"
        : e.Message.Contains("encoding", StringComparison.OrdinalIgnoreCase)
        || e.Message.Contains("Unicode", StringComparison.Ordinal)
            ? "save the file in the encoding that its first line names, or correct that line"
        : "mend the file at this place";

    private sealed record Excess(int Line, int Column, string Reason)
    {
        public Place Place(string file) => new(file, Line, Column);
    }
}
