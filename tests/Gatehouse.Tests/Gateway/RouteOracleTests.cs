using CsCheck;
using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Routing;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Model;

namespace Gatehouse.Tests.Gateway;

/// <summary>The routing structures against the plainest code that says the same.</summary>
public sealed class RouteOracleTests
{
    private static readonly string[] s_words = ["a", "b", "ab", "c.json", "x-y"];

    private static readonly Gen<string> s_segment = OneOf([.. s_words, "{p}", "{p}.json", "{p}-{q}"]);

    private static readonly Gen<string> s_template = Gen.Select(
        s_segment.Array[0, 3],
        Gen.Bool,
        (segments, rest) => "/" + string.Join('/', rest ? [.. segments, "*"] : segments)
    );

    private static readonly Gen<string> s_path = OneOf(s_words).Array[0, 4].Select(s => "/" + string.Join('/', s));

    [Fact]
    public void A_map_that_shares_its_past_agrees_with_a_dictionary() =>
        Gen.Select(Gen.Int[0, 300], Gen.Bool)
            .Array[0, 800]
            .Sample(steps =>
            {
                var map = PersistentMap<string>.Empty;
                var oracle = new Dictionary<string, string>();
                var past = (Map: map, Oracle: new Dictionary<string, string>());
                foreach (var (number, put) in steps)
                {
                    var key = $"k{number}";
                    if (put)
                    {
                        map = map.With(key, key);
                        oracle[key] = key;
                    }
                    else
                    {
                        map = map.Without(key);
                        oracle.Remove(key);
                    }

                    if (number == 7)
                    {
                        past = (map, new(oracle));
                    }
                }

                return Agree(map, oracle) && Agree(past.Map, past.Oracle);
            });

    [Fact]
    public void An_operation_is_found_exactly_when_one_of_its_templates_fits() =>
        Gen.Select(s_template.Array[1, 6], s_path)
            .Sample(
                (templates, path) =>
                {
                    var tree = new OperationTree();
                    var kept = new List<string>();
                    foreach (var text in templates)
                    {
                        Assert.True(PathTemplate.TryParse(text, out var template, out _));
                        if (tree.Add(template, "GET", Route(text)))
                        {
                            kept.Add(text);
                        }
                    }

                    var found = tree.Match(path, "GET", out _);
                    var fitting = kept.Where(t => Fits(t, path)).ToList();
                    tree.Match(path, "POST", out var allowed);
                    return (found is null) == (fitting.Count == 0)
                        && (found is null || fitting.Contains(found.Name))
                        && (allowed is not null) == (fitting.Count > 0)
                        // A literal template beats every other one.
                        && (!kept.Contains(path) || found!.Name == path);
                },
                iter: 20_000
            );

    [Fact]
    public void The_longest_context_is_found_whatever_came_and_went() =>
        Gen.Select(Gen.Select(s_path, Gen.Bool).Array[0, 30], s_path)
            .Sample(
                (steps, path) =>
                {
                    var tree = ContextTree.Empty;
                    var oracle = new Dictionary<string, CompiledApi>();
                    foreach (var (context, put) in steps)
                    {
                        var prefix = context == "/" ? [] : context[1..].Split('/');
                        var api = put ? Api(context) : null;
                        tree = tree.With(prefix, api);
                        oracle.Remove(context);
                        if (api is not null)
                        {
                            oracle.Add(context, api);
                        }
                    }

                    var expected = oracle
                        .Where(o =>
                            o.Key == "/" || path == o.Key || path.StartsWith(o.Key + "/", StringComparison.Ordinal)
                        )
                        .OrderByDescending(o => o.Key == "/" ? 0 : o.Key.Length)
                        .FirstOrDefault();
                    var found = tree.Match(path, out var length);
                    return found == expected.Value
                        && (found is null || length == (expected.Key == "/" ? 0 : expected.Key.Length))
                        && (oracle.Count > 0 || tree.IsEmpty);
                },
                iter: 20_000
            );

    private static Gen<string> OneOf(string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);

    private static bool Agree(PersistentMap<string> map, Dictionary<string, string> oracle) =>
        map.Count == oracle.Count
        && map.Entries().OrderBy(e => e.Key).SequenceEqual(oracle.OrderBy(e => e.Key))
        && Enumerable.Range(0, 301).All(n => map.Find($"k{n}") == oracle.GetValueOrDefault($"k{n}"));

    private static bool Fits(string template, string path)
    {
        var pattern = template.EndsWith("/*", StringComparison.Ordinal) ? template[..^2] + "(/.*)?" : template;
        pattern = System.Text.RegularExpressions.Regex.Replace(
            pattern.Replace(".json", "\\.json", StringComparison.Ordinal),
            "{.}",
            "[^/]+"
        );
        return System.Text.RegularExpressions.Regex.IsMatch(path, $"^{pattern}$");
    }

    private static CompiledRoute Route(string name) =>
        new()
        {
            Name = name,
            Policies = [],
            Production = new([], BalancingAlgorithm.RoundRobin),
            Forwarding = Gatehouse.Gateway.Forwarding.ForwardingRules.ToBackend,
            Meter = new(),
        };

    private static CompiledApi Api(string name) =>
        new()
        {
            Name = name,
            Digest = Digest.Of([]),
            Claims = [],
            Operations = new(),
            Paths = PathRules.Strict,
            Meter = new RequestMeter(),
            Fallback = Route(name),
            Expires = DateTimeOffset.MaxValue,
        };
}
