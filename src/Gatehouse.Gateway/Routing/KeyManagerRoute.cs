using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Gateway.Balancer;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Routing;

/// <summary>
/// The key managers behind a worker: what clients of old installations call at the gateway's own ports (<c>/token</c>,
/// <c>/revoke</c>, <c>/authorize</c>, <c>/userinfo</c>) goes on to a manager over the cluster's own hop. Nothing else does.
/// </summary>
internal sealed class KeyManagerRoute
{
    private static readonly FrozenSet<string> s_paths = FrozenSet.Create(
        StringComparer.Ordinal,
        "/token",
        "/revoke",
        "/authorize",
        "/userinfo",
        // Where a user signs in whom /authorize does not know yet.
        "/oauth2/sign-in"
    );

    private readonly VirtualHost _host;
    private readonly ImmutableSortedDictionary<string, Node> _managers;
    private readonly CompiledRoute _route;

    /// <summary>A way that leads nowhere yet.</summary>
    public KeyManagerRoute(VirtualHost host)
        : this(host, ImmutableSortedDictionary<string, Node>.Empty, null) { }

    private KeyManagerRoute(VirtualHost host, ImmutableSortedDictionary<string, Node> managers, CompiledRoute? before)
    {
        _host = host;
        _managers = managers;
        _route = host.To(managers.Values.Where(n => !n.Draining), BalancingRules.None, before);
    }

    /// <summary>The way after some changes; this one when none is about a manager. What cannot be read leaves the node where it was.</summary>
    public KeyManagerRoute After(IEnumerable<EntityChange> changes, bool replace)
    {
        var managers = replace ? ImmutableSortedDictionary<string, Node>.Empty : _managers;
        foreach (var change in changes.Where(c => c.Kind == EntityKinds.Node))
        {
            var node = change.Deleted ? null : Read(change) ?? _managers.GetValueOrDefault(change.Name);
            managers =
                node is { } known && (ManagementParts.Of(known) & ManagementPart.KeyManagement) != 0
                    ? managers.SetItem(change.Name, known)
                    : managers.Remove(change.Name);
        }

        return ReferenceEquals(managers, _managers) ? this : new(_host, managers, _route);
    }

    /// <summary>Takes the request when its path is one of these and the cluster has a key manager.</summary>
    public bool TryTake(Exchange exchange, ReadOnlySpan<char> path)
    {
        if (
            _managers.IsEmpty
            || !s_paths.GetAlternateLookup<ReadOnlySpan<char>>().Contains(path)
            || exchange.Method == "CONNECT"
        )
        {
            return false;
        }

        exchange.Route = _route;
        exchange.ResourceStart = exchange.Target.PathStart;
        return true;
    }

    private static Node? Read(EntityChange change)
    {
        try
        {
            return
                JsonSerializer.Deserialize(change.Payload.Span, ModelJson.Default.Node)
                    is { InternalPort: > 0 and < 65536, Host.Length: > 0 } node
                ? node
                : null;
        }
        catch (JsonException)
        {
            // The directory of nodes refuses it aloud.
            return null;
        }
    }
}
