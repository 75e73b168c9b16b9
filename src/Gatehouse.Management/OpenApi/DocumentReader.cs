using System.Text;

namespace Gatehouse.Management.OpenApi;

/// <summary>Text to nodes. Throws <see cref="DocumentException"/> and nothing else on bad text.</summary>
internal static class DocumentReader
{
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    public static DocumentNode Read(ReadOnlyMemory<byte> text, out bool isJson)
    {
        isJson = false;
        if (text.Length > DocumentLimits.MaxBytes)
        {
            throw new DocumentException(
                $"The document has {text.Length >> 20} MiB; at most {DocumentLimits.MaxBytes >> 20} MiB are read",
                0,
                0,
                "split it into several APIs, or move examples out of it"
            );
        }

        if (text.Span.StartsWith(Encoding.UTF8.Preamble))
        {
            text = text[3..];
        }

        var characters = Decode(text.Span);
        var first = characters.AsSpan().TrimStart(" \t\r\n");
        if (first.IsEmpty)
        {
            throw new DocumentException(
                "The document is empty",
                1,
                1,
                "hand in an OpenAPI 2.0, 3.0 or 3.1 document in JSON or YAML"
            );
        }

        // YAML contains JSON, but the JSON reader is ten times faster and its messages are about JSON.
        isJson = first[0] is '{' or '[';
        return isJson ? JsonDocumentReader.Read(text.Span) : YamlDocumentReader.Read(characters);
    }

    private static string Decode(ReadOnlySpan<byte> text)
    {
        try
        {
            return s_strict.GetString(text);
        }
        catch (DecoderFallbackException e)
        {
            var good = text[..Math.Clamp(e.Index, 0, text.Length)];
            var line = 1 + good.Count((byte)'\n');
            throw new DocumentException(
                "The document is not UTF-8",
                line,
                good.Length - good.LastIndexOf((byte)'\n'),
                "save it as UTF-8"
            );
        }
    }
}
