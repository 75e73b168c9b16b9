using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// Reads <c>x-gatehouse-policies</c>: a list of names, or of objects with <c>name</c> and <c>settings</c>. What is wrong is told
/// with the line it stands on.
/// </summary>
internal sealed class PolicyReader(ProblemList problems)
{
    /// <summary>The extension's name, at the top of a document and on its operations.</summary>
    public const string Extension = "x-gatehouse-policies";

    // Far more than a chain has; a list in a document may be of any length.
    private const int MostPolicies = 64;

    /// <summary>The policies that a document or operation names; none when it names none or something is wrong.</summary>
    public ImmutableArray<PolicyUse> Read(DocumentNode owner, bool ofOperation)
    {
        if (owner[Extension] is not { } list)
        {
            return [];
        }

        problems.Down(Extension);
        var uses = List(list);
        foreach (var problem in PolicyKinds.Check(uses, "", ofOperation))
        {
            Tell(list, problem);
        }

        problems.Up();
        return uses;
    }

    private ImmutableArray<PolicyUse> List(DocumentNode list)
    {
        if (list.Kind != NodeKind.Array || list.Items.Count > MostPolicies)
        {
            problems.Add(list, $"The policies are a list of at most {MostPolicies}", "write - name: cors");
            return [];
        }

        var uses = ImmutableArray.CreateBuilder<PolicyUse>();
        foreach (var item in list.Items)
        {
            var name = item.Kind == NodeKind.String ? item : item["name"];
            if (name is not { Kind: NodeKind.String })
            {
                problems.Add(item, "A policy is a name, or an object with name and settings");
                return [];
            }

            uses.Add(
                new()
                {
                    Name = name.Text,
                    Settings = item["settings"] is { } settings
                        ? JsonSerializer.SerializeToElement(ToJson(settings), PolicyDocumentJson.Default.JsonNode)
                        : null,
                }
            );
        }

        return uses.ToImmutable();
    }

    /// <summary>Tells a problem at the node that its pointer leads to, or at the last there is on the way.</summary>
    private void Tell(DocumentNode node, Problem problem)
    {
        var way = problem.Pointer.Split('/')[1..];
        foreach (var name in way)
        {
            node = Child(node, name) ?? node;
            problems.Down(name);
        }

        problems.Add(node, problem.Message, problem.Fix);
        foreach (var _ in way)
        {
            problems.Up();
        }
    }

    private static DocumentNode? Child(DocumentNode node, string name) =>
        node.Kind == NodeKind.Array
        && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? node.Items.ElementAtOrDefault(index)
            : node[name];

    /// <summary>The node as JSON, whatever the document was written in.</summary>
    internal static JsonNode? ToJson(DocumentNode node) =>
        node.Kind switch
        {
            NodeKind.Object => new JsonObject(
                node.Members.DistinctBy(m => m.Name).Select(m => KeyValuePair.Create(m.Name, ToJson(m.Value)))
            ),
            NodeKind.Array => new JsonArray([.. node.Items.Select(ToJson)]),
            NodeKind.Boolean => JsonValue.Create(bool.TryParse(node.Text, out var value) && value),
            NodeKind.Number => Number(node.Text),
            NodeKind.Null => null,
            _ => JsonValue.Create(node.Text),
        };

    // YAML has spellings of numbers that JSON has not.
    private static JsonValue Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            ? JsonValue.Create(whole)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? JsonValue.Create(real)
        : JsonValue.Create(text);
}
