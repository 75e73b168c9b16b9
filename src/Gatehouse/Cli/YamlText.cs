using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gatehouse.Cli;

/// <summary>Writes a JSON document as YAML.</summary>
internal static class YamlText
{
    /// <summary>The document in block style. A string that YAML would read as something else is quoted.</summary>
    public static string Of(JsonNode? document)
    {
        var text = new StringWriter { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue).WithNewLine("\n"));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Write(emitter, document);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Write(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                var mapStyle = map.Count == 0 ? MappingStyle.Flow : MappingStyle.Block;
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, true, mapStyle));
                foreach (var (name, value) in map)
                {
                    WriteText(emitter, name);
                    Write(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray list:
                var listStyle = list.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block;
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, listStyle));
                foreach (var item in list)
                {
                    Write(emitter, item);
                }

                emitter.Emit(new SequenceEnd());
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                WriteText(emitter, value.GetValue<string>());
                break;
            default:
                emitter.Emit(new Scalar(node?.ToJsonString() ?? "null"));
                break;
        }
    }

    private static void WriteText(Emitter emitter, string text) =>
        emitter.Emit(
            new Scalar(
                AnchorName.Empty,
                TagName.Empty,
                text,
                LooksLikeAnotherType(text) ? ScalarStyle.DoubleQuoted : ScalarStyle.Any,
                isPlainImplicit: true,
                isQuotedImplicit: true
            )
        );

    private static bool LooksLikeAnotherType(string text) =>
        text.Length == 0
        || char.IsAsciiDigit(text[0])
        || text[0] is '-' or '+' or '.' or '~' or '='
        || text.ToLowerInvariant() is "true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n";
}
