using System.Collections.Immutable;

namespace Gatehouse.Gateway.Authentication;

/// <summary>Immutable: the issuers by name and by the <c>iss</c> of their tokens. There are few, so they are copied on change.</summary>
internal sealed class IssuerDirectory
{
    public static readonly IssuerDirectory Empty = new([], []);

    private readonly ImmutableDictionary<string, CompiledIssuer> _byName;
    private readonly ImmutableDictionary<string, CompiledIssuer> _byUrl;

    private IssuerDirectory(
        IEnumerable<KeyValuePair<string, CompiledIssuer>> byName,
        IEnumerable<KeyValuePair<string, CompiledIssuer>> byUrl
    )
    {
        _byName = byName.ToImmutableDictionary(StringComparer.Ordinal);
        _byUrl = byUrl.ToImmutableDictionary(StringComparer.Ordinal);
        Introspecting =
        [
            .. _byName
                .Values.Where(i => i.Introspection is not null)
                .OrderBy(i => i.Settings.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Those that are asked about opaque tokens, in the order of their names.</summary>
    public ImmutableArray<CompiledIssuer> Introspecting { get; }

    public IEnumerable<CompiledIssuer> All => _byName.Values;

    public CompiledIssuer? Named(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Whose tokens carry this <c>iss</c>, to the letter.</summary>
    public CompiledIssuer? Of(string url) => _byUrl.GetValueOrDefault(url);

    public IssuerDirectory With(string name, CompiledIssuer? issuer)
    {
        var before = Named(name);
        if (before is null && issuer is null)
        {
            return this;
        }

        var byName = _byName.Remove(name);
        var byUrl = before is null ? _byUrl : _byUrl.Remove(before.Settings.Url);
        return issuer is null
            ? new(byName, byUrl)
            : new(byName.Add(name, issuer), byUrl.SetItem(issuer.Settings.Url, issuer));
    }
}
