using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Model;

namespace Gatehouse.GitOps;

/// <summary>
/// One YAML file of a directory of sources, with the place of every value, so that whatever is wrong is told by file, line
/// and column. A value written <c>{secret: env:NAME}</c> or <c>{secret: file:PATH}</c> stands for what lies there, and is never
/// shown.
/// </summary>
internal sealed class SourceFile
{
    private readonly Dictionary<string, Origin> _places = new(StringComparer.Ordinal);
    private readonly HashSet<string> _secrets = new(StringComparer.Ordinal);
    private readonly Terminal _terminal;

    private SourceFile(string path, Terminal terminal)
    {
        Path = path;
        _terminal = terminal;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The folder it lies in.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>What it says, secrets resolved.</summary>
    public JsonObject Content { get; private set; } = [];

    /// <summary>Which of its values are secrets.</summary>
    public Secrets Secrets => new(_secrets);

    /// <summary>Reads a file; what is wrong goes to <paramref name="problems"/>, and null comes back.</summary>
    public static SourceFile? Read(string path, Terminal terminal, ICollection<Problem> problems)
    {
        var file = new SourceFile(path, terminal);
        var before = problems.Count;
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add(new("", $"the file cannot be read: {e.Message}", null, path));
            return null;
        }

        var root = YamlTree.Read(
            text,
            mark => new Origin(OriginKind.File, path, (int)mark.Line, (int)mark.Column),
            problems
        );
        if (problems.Count > before)
        {
            return null;
        }

        if (root is not ConfigMap map)
        {
            problems.Add(new("", "a source is a list of names with values", "begin with 'kind: …'", path, 1, 1));
            return null;
        }

        file.Content = (JsonObject)file.ToJson(map, "", problems)!;
        return problems.Count > before ? null : file;
    }

    /// <summary>A problem at a value, or at what it stands in.</summary>
    public Problem At(string pointer, string message, string? fix = null)
    {
        var at = pointer;
        while (true)
        {
            if (_places.TryGetValue(at, out var place))
            {
                return new(pointer, message, fix, Path, place.Line, place.Column);
            }

            if (at.Length == 0)
            {
                return new(pointer, message, fix, Path, 1, 1);
            }

            at = at[..Math.Max(0, at.LastIndexOf('/'))];
        }
    }

    private JsonNode? ToJson(ConfigNode node, string pointer, ICollection<Problem> problems)
    {
        _places.TryAdd(pointer, node.Origin);
        switch (node)
        {
            case ConfigScalar scalar:
                return Value(scalar);
            case ConfigList list:
                return new JsonArray([
                    .. list.Items.Select((item, i) => ToJson(item, Join(pointer, $"{i}"), problems)),
                ]);
            case ConfigMap { Entries: [{ Key: "secret", Value: ConfigScalar reference }] }:
                var secret = Resolve(reference, pointer, problems);
                if (secret is not null)
                {
                    _secrets.Add(secret.GetValue<string>());
                }

                return secret;
            case ConfigMap map:
                var json = new JsonObject();
                foreach (var entry in map.Entries)
                {
                    var at = Join(pointer, entry.Key);
                    _places[at] = entry.KeyOrigin;
                    json[entry.Key] = ToJson(entry.Value, at, problems);
                }

                return json;
            default:
                throw new InvalidOperationException($"{node.GetType().Name} is not known.");
        }
    }

    // YAML 1.2's core schema, as far as JSON has it.
    private static JsonNode? Value(ConfigScalar scalar) =>
        scalar.Quoted ? JsonValue.Create(scalar.Text)
        : scalar.IsNull ? null
        : scalar.Text is "true" or "True" or "TRUE" ? JsonValue.Create(true)
        : scalar.Text is "false" or "False" or "FALSE" ? JsonValue.Create(false)
        : long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            ? JsonValue.Create(whole)
        : decimal.TryParse(
            scalar.Text,
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var number
        )
        && scalar.Text.Count(c => c == '.') < 2
            ? JsonValue.Create(number)
        : JsonValue.Create(scalar.Text);

    private JsonValue? Resolve(ConfigScalar reference, string pointer, ICollection<Problem> problems)
    {
        try
        {
            switch (reference.Text.Split(':', 2))
            {
                case ["env", var name]:
                    return _terminal.Environment(name) is { Length: > 0 } text
                        ? JsonValue.Create(text)
                        : throw new FormatException($"the environment has no {name}");
                case ["file", var path]:
                    return JsonValue.Create(File.ReadAllText(System.IO.Path.Combine(Folder, path)).TrimEnd('\r', '\n'));
                default:
                    throw new FormatException("write env:NAME or file:PATH");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            problems.Add(At(pointer, "this secret cannot be had", e.Message));
            return null;
        }
    }

    private static string Join(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
}
