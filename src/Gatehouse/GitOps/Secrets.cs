using System.Text.Json.Nodes;

namespace Gatehouse.GitOps;

/// <summary>Which values of a resource are secrets: those that came from a reference, and those whose names say so.</summary>
/// <param name="values">What references stood for.</param>
internal sealed class Secrets(IReadOnlySet<string> values)
{
    private const string Shown = "(secret)";

    // Part of a name, dashes and case aside.
    private static readonly string[] s_words =
    [
        "authorization",
        "cookie",
        "secret",
        "password",
        "token",
        "apikey",
        "credential",
        "webhook",
    ];

    /// <summary>No references.</summary>
    public static Secrets ByName { get; } = new(new HashSet<string>());

    /// <summary>True when a value of that name is one.</summary>
    public bool Is(string name, JsonNode? value) =>
        value is JsonValue text
        && text.TryGetValue<string>(out var said)
        && (values.Contains(said) || NamesSecret(name));

    /// <summary>The value with every secret in it hidden.</summary>
    public JsonNode? Hide(string name, JsonNode? node) =>
        node switch
        {
            JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, Hide(m.Key, m.Value)))),
            JsonArray items => new JsonArray([.. items.Select(i => Hide(name, i))]),
            _ when Is(name, node) => JsonValue.Create(Shown),
            _ => node?.DeepClone(),
        };

    /// <summary>
    /// The value with every secret in it replaced by a reference to the environment, for a file; tells each name that was
    /// given to one.
    /// </summary>
    public JsonNode? Refer(string name, JsonNode? node, string prefix, ICollection<string> variables)
    {
        switch (node)
        {
            case JsonObject members:
                return new JsonObject(
                    members.Select(m => KeyValuePair.Create(m.Key, Refer(m.Key, m.Value, prefix, variables)))
                );
            case JsonArray items:
                return new JsonArray([.. items.Select(i => Refer(name, i, prefix, variables))]);
            case not null when Is(name, node):
                var variable = Variable($"{prefix}_{name}");
                while (variables.Contains(variable))
                {
                    variable += "_";
                }

                variables.Add(variable);
                return new JsonObject { ["secret"] = $"env:{variable}" };
            default:
                return node?.DeepClone();
        }
    }

    private static bool NamesSecret(string name)
    {
        var plain = name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
        return s_words.Any(w => plain.Contains(w, StringComparison.OrdinalIgnoreCase));
    }

    private static string Variable(string name) =>
        string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_'));
}
