using System.Collections.Immutable;

namespace Gatehouse.Gateway.Routing;

/// <summary>
/// Immutable: the hosts on which an API that takes client certificates answers, kept by counting, because a handshake asks
/// before any request says which API it is for.
/// </summary>
internal sealed class CertificateHosts
{
    public static readonly CertificateHosts None = new(0, PersistentMap<Count>.Empty);

    private readonly int _anyHost;
    private readonly PersistentMap<Count> _byHost;

    private CertificateHosts(int anyHost, PersistentMap<Count> byHost) => (_anyHost, _byHost) = (anyHost, byHost);

    /// <summary>True for a host in lower case, or none, under which such an API is found.</summary>
    public bool Contains(ReadOnlySpan<char> host) => _anyHost > 0 || _byHost.TryGetValue(host, out _);

    /// <summary>With or without the places of one such API.</summary>
    public CertificateHosts After(ImmutableArray<Claim> claims, bool added)
    {
        var (anyHost, byHost) = (_anyHost, _byHost);
        foreach (var host in claims.Select(c => c.Host))
        {
            var by = added ? 1 : -1;
            if (host.Length == 0)
            {
                anyHost += by;
                continue;
            }

            var count = (byHost.Find(host)?.Claims ?? 0) + by;
            byHost = count > 0 ? byHost.With(host, new(count)) : byHost.Without(host);
        }

        return new(anyHost, byHost);
    }

    private sealed record Count(int Claims);
}
