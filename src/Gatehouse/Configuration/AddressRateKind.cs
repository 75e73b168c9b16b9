using System.Text.Json.Nodes;
using Gatehouse.Gateway;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>How often one address may call: <c>{ limit: 10/s, burst: 20 }</c>.</summary>
internal sealed class AddressRateKind : ValueKind<AddressRate>
{
    private const string Form = "write { limit: 10/s, burst: 20 }";
    private const int MostBurst = 1_000_000;
    private static readonly string[] s_fields = ["limit", "burst"];
    private static readonly ValueKind<Quota?> s_limit = new ScalarKind<Quota?>(
        "limit",
        "write requests within a time: 10/s, 30/min or 1000/h",
        s =>
            Quota.TryParse(s.Text, out var quota, out var problem)
                ? quota.IsBandwidth
                    ? new Parsed<Quota?>(null, "bytes are not counted here")
                    : new Parsed<Quota?>(quota)
                : new Parsed<Quota?>(null, $"'{s.Text}' is not a limit", problem),
        v => v?.ToString(),
        () => new() { ["type"] = "string", ["pattern"] = "^[0-9]+/" }
    );
    private static readonly ValueKind<int> s_burst = new ScalarKind<int>(
        "burst",
        $"write a number from 0 to {MostBurst}",
        s =>
            int.TryParse(s.Text, out var burst) && burst is >= 0 and <= MostBurst
                ? burst
                : new Parsed<int>(0, $"'{s.Text}' is not a burst"),
        v => v,
        () =>
            new()
            {
                ["type"] = "integer",
                ["minimum"] = 0,
                ["maximum"] = MostBurst,
            }
    );

    public override string Name => "rate";

    public override bool TryRead(ConfigNode node, string key, ICollection<Problem> problems, out AddressRate value)
    {
        value = null!;
        if (node is not ConfigMap map)
        {
            return WrongShape(node, key, problems, Form);
        }

        var section = new SectionReader(map, key, problems, s_fields);
        var limit = section.Read("limit", s_limit, null);
        var burst = section.Read("burst", s_burst, 0);
        if (section.IsGood && limit is null)
        {
            section.Add("limit", "the rate has no limit", Form);
        }

        value = new(limit ?? default, burst);
        return section.IsGood;
    }

    public override JsonNode? Write(AddressRate value) =>
        new JsonObject { ["limit"] = value.Limit.ToString(), ["burst"] = value.Burst };

    public override JsonObject Schema() =>
        new()
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["required"] = new JsonArray("limit"),
            ["properties"] = new JsonObject { ["limit"] = s_limit.Schema(), ["burst"] = s_burst.Schema() },
        };
}
