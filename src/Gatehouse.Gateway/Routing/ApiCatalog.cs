using Gatehouse.Model;

namespace Gatehouse.Gateway.Routing;

/// <summary>Immutable: the APIs that are served and where each answers. No two claim the same place.</summary>
internal sealed class ApiCatalog
{
    public static readonly ApiCatalog Empty = new(
        PersistentMap<CompiledApi>.Empty,
        PersistentMap<ContextTree>.Empty,
        ContextTree.Empty,
        CertificateHosts.None,
        0
    );

    private readonly PersistentMap<CompiledApi> _byName;
    private readonly PersistentMap<ContextTree> _byHost;
    private readonly ContextTree _anyHost;
    private readonly CertificateHosts _certificates;

    private ApiCatalog(
        PersistentMap<CompiledApi> byName,
        PersistentMap<ContextTree> byHost,
        ContextTree anyHost,
        CertificateHosts certificates,
        int operations
    )
    {
        _certificates = certificates;
        _byName = byName;
        _byHost = byHost;
        _anyHost = anyHost;
        Operations = operations;
    }

    public int Count => _byName.Count;

    public int Operations { get; }

    public IEnumerable<CompiledApi> All => _byName.Entries().Select(e => e.Value);

    public CompiledApi? Find(string name) => _byName.Find(name);

    /// <summary>
    /// The API that answers a path on a host, and how much of the path is its context. An API that names the host comes
    /// before those that answer on any; among each the longest context wins.
    /// </summary>
    public CompiledApi? Match(ReadOnlySpan<char> host, ReadOnlySpan<char> path, out int length)
    {
        if (_byHost.Count > 0 && _byHost.TryGetValue(host, out var own) && own.Match(path, out length) is { } exact)
        {
            return exact;
        }

        return _anyHost.Match(path, out length);
    }

    /// <summary>True when an API that takes client certificates answers on the host; empty for a caller that names none.</summary>
    public bool TakesCertificates(ReadOnlySpan<char> host) => _certificates.Contains(host);

    /// <summary>True when requests have to be told apart by host.</summary>
    public bool HasHosts => _byHost.Count > 0;

    /// <summary>
    /// The catalog after some changes. A name's last change counts; places that the batch gives up are free for the batch to
    /// take. What cannot be compiled or wants a taken place is refused, and its running self stays where it was.
    /// </summary>
    public ApiCatalog After(
        IReadOnlyList<EntityChange> changes,
        bool replace,
        ApiCompiler compiler,
        ICollection<Refusal> refusals
    )
    {
        var free = replace ? Empty : this;
        var kept = new List<CompiledApi>();
        var wanted = new List<(EntityChange Change, CompiledApi Api)>();
        foreach (var change in changes.GroupBy(c => c.Name).Select(g => g.Last()).OrderBy(c => c.Epoch))
        {
            var running = Find(change.Name);
            if (!replace && running is not null)
            {
                free = free.Without(running);
            }

            if (change.Deleted)
            {
                continue;
            }

            if (running is not null && IsUnchanged(running, change))
            {
                wanted.Add((change, running));
            }
            else if (compiler.TryCompile(change, running, out var compiled, out var refusal))
            {
                wanted.Add((change, compiled));
            }
            else
            {
                refusals.Add(refusal);
                Keep(kept, running);
            }
        }

        // An API that is refused goes back to where it was, and that place may have been given to another of the batch: so
        // begin again without it. Ends, because each round has one less.
        while (true)
        {
            var next = kept.Aggregate(free, (catalog, api) => catalog.With(api));
            var refused = wanted.FindIndex(w => !next.TryAdd(w.Api, out next));
            if (refused < 0)
            {
                return next;
            }

            var (change, loser) = wanted[refused];
            refusals.Add(next.Conflict(change, loser));
            Keep(kept, Find(change.Name));
            wanted.RemoveAt(refused);
        }
    }

    private static void Keep(List<CompiledApi> kept, CompiledApi? running)
    {
        if (running is not null)
        {
            kept.Add(running);
        }
    }

    private static bool IsUnchanged(CompiledApi running, EntityChange change) =>
        running.Digest == change.Digest && running.Expires == (change.ExpiresAt ?? DateTimeOffset.MaxValue);

    private Refusal Conflict(EntityChange change, CompiledApi api)
    {
        var claim = api.Claims.First(c => At(c) is not null);
        return new(
            change.Kind,
            change.Name,
            change.Epoch,
            claim == api.Claims[0] ? "/context" : "/isDefaultVersion",
            $"{claim} is taken by {At(claim)!.Name}; change the context, or take that API away first."
        );
    }

    private bool TryAdd(CompiledApi api, out ApiCatalog next)
    {
        var isFree = api.Claims.All(c => At(c) is null);
        next = isFree ? With(api) : this;
        return isFree;
    }

    private CompiledApi? At(Claim claim) =>
        (claim.Host.Length == 0 ? _anyHost : _byHost.Find(claim.Host) ?? ContextTree.Empty).At(claim.Prefix.AsSpan());

    private ApiCatalog With(CompiledApi api) => Changed(api, api, _byName.With(api.Name, api), api.Operations.Count);

    private ApiCatalog Without(CompiledApi api) => Changed(api, null, _byName.Without(api.Name), -api.Operations.Count);

    private ApiCatalog Changed(CompiledApi api, CompiledApi? value, PersistentMap<CompiledApi> byName, int operations)
    {
        var (byHost, anyHost) = (_byHost, _anyHost);
        foreach (var (host, prefix) in api.Claims)
        {
            if (host.Length == 0)
            {
                anyHost = anyHost.With(prefix.AsSpan(), value);
                continue;
            }

            var tree = (byHost.Find(host) ?? ContextTree.Empty).With(prefix.AsSpan(), value);
            byHost = tree.IsEmpty ? byHost.Without(host) : byHost.With(host, tree);
        }

        var certificates = api.TakesCertificates ? _certificates.After(api.Claims, value is not null) : _certificates;
        return new(byName, byHost, anyHost, certificates, Operations + operations);
    }
}
