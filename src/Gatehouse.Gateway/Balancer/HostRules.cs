using System.Collections.Frozen;
using System.Collections.Immutable;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Gateway.Balancer;

/// <summary>The rules of all names, ready to be asked: which behaviour a call gets is found by name, scheme and longest path.</summary>
internal sealed class HostRules
{
    private readonly FrozenDictionary<string, ImmutableArray<Place>> _plain;
    private readonly FrozenDictionary<string, ImmutableArray<Place>> _secure;

    public HostRules(ImmutableArray<HostRule> rules, TimeProvider time)
    {
        IsEmpty = rules.IsEmpty;
        HasRates = rules.Any(r => r.Rate is not null);
        _plain = Compile(rules, "http", time);
        _secure = Compile(rules, "https", time);
    }

    public bool IsEmpty { get; }

    public bool HasRates { get; }

    /// <summary>What is done for a call; null when no rule is about it.</summary>
    /// <param name="host">In lower case.</param>
    /// <param name="isHttps">How the caller came.</param>
    /// <param name="path">As it was sent.</param>
    /// <param name="traits">What the judge saw in it.</param>
    public HostBehaviour? Find(ReadOnlySpan<char> host, bool isHttps, ReadOnlySpan<char> path, PathTraits traits)
    {
        var hosts = isHttps ? _secure : _plain;
        if (
            !hosts.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(host, out var places)
            && !hosts.TryGetValue("", out places)
        )
        {
            return null;
        }

        // As workers match: a rule cannot be got round by an encoded letter.
        path = RequestPath.ToMatch(
            path,
            traits,
            (traits & PathTraits.EncodedUnreserved) == 0 ? [] : new char[path.Length]
        );
        foreach (var place in places)
        {
            if (place.IsExact ? path.SequenceEqual(place.Path) : path.StartsWith(place.Path))
            {
                return place.Behaviour;
            }
        }

        return null;
    }

    private static FrozenDictionary<string, ImmutableArray<Place>> Compile(
        ImmutableArray<HostRule> rules,
        string scheme,
        TimeProvider time
    )
    {
        var mine = rules.Where(r => r.Scheme is null || r.Scheme == scheme).ToList();
        return mine.SelectMany(r => r.Hosts.IsEmpty ? [""] : r.Hosts)
            .Distinct()
            .ToFrozenDictionary(
                host => host,
                host => Places([.. mine.Where(r => host.Length == 0 ? r.Hosts.IsEmpty : r.Hosts.Contains(host))], time)
            );
    }

    // All rules that a path falls under are known from the most specific of them: the others' paths are its beginnings.
    private static ImmutableArray<Place> Places(List<HostRule> rules, TimeProvider time) =>
        [
            .. rules
                .Select(r => (Path: r.Path ?? "", r.IsExact))
                .Distinct()
                .OrderByDescending(p => p.IsExact)
                .ThenByDescending(p => p.Path.Length)
                .Select(place => new Place(
                    place.Path,
                    place.IsExact,
                    new(
                        [
                            .. rules
                                .Where(r =>
                                    r.IsExact
                                        ? place.IsExact && r.Path == place.Path
                                        : place.Path.StartsWith(r.Path ?? "", StringComparison.Ordinal)
                                )
                                .OrderBy(r => r.IsExact)
                                .ThenBy(r => r.Path?.Length ?? 0),
                        ],
                        time
                    )
                )),
        ];

    private readonly record struct Place(string Path, bool IsExact, HostBehaviour Behaviour);
}
