using System.Text.Json.Nodes;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>One of <c>balancer.nodes</c>: <c>{ node, weight, backup }</c>.</summary>
internal sealed class NodeShareKind : ValueKind<NodeShare>
{
    private const string Form = "write { node: NAME, weight: 3 } or { node: NAME, backup: true }";
    private static readonly string[] s_fields = ["node", "weight", "backup"];
    private static readonly ValueKind<int> s_weight = new ScalarKind<int>(
        "weight",
        $"write a number from 1 to {NodeShare.MostWeight}; to take a node out, drain it",
        s =>
            int.TryParse(s.Text, out var weight) && weight is >= 1 and <= NodeShare.MostWeight
                ? weight
                : new Parsed<int>(0, $"'{s.Text}' is not a weight"),
        v => v,
        () =>
            new()
            {
                ["type"] = "integer",
                ["minimum"] = 1,
                ["maximum"] = NodeShare.MostWeight,
            }
    );

    public override string Name => "node";

    public override bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out NodeShare value)
    {
        value = null!;
        if (node is not ConfigMap map)
        {
            return WrongShape(node, key, problems, Form);
        }

        var section = new SectionReader(map, key, problems, s_fields);
        value = new(
            section.Read("node", ValueKinds.Host, ""),
            section.Read("weight", s_weight, 1),
            section.Read("backup", ValueKinds.Boolean, false)
        );
        if (section.IsGood && value.Node.Length == 0)
        {
            section.Add("node", "it does not say which node", Form);
        }

        return section.IsGood;
    }

    public override JsonNode? Write(NodeShare value) =>
        new JsonObject
        {
            ["node"] = value.Node,
            ["weight"] = value.Weight,
            ["backup"] = value.IsBackup,
        };

    public override JsonObject Schema() =>
        new()
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["required"] = new JsonArray("node"),
            ["properties"] = new JsonObject
            {
                ["node"] = ValueKinds.Host.Schema(),
                ["weight"] = s_weight.Schema(),
                ["backup"] = ValueKinds.Boolean.Schema(),
            },
        };
}
