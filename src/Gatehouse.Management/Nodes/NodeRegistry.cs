using System.Collections.Immutable;
using System.Security.Cryptography;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Lets nodes in and takes them out: join tokens, drain, leave, evict.</summary>
public sealed class NodeRegistry(Catalogue catalogue, NodeBoard board, Environments environments)
{
    /// <summary>How long a join token is good for.</summary>
    public static readonly TimeSpan TokenLife = TimeSpan.FromHours(1);

    // Balancer and workers accept an expired certificate of each other for as long.
    private static readonly TimeSpan s_grace = TimeSpan.FromDays(90);

    /// <summary>
    /// Makes a join token; of a worker, for some environments, else for the default one. Without a <paramref name="name"/> the node gets the next free one: <c>worker-1</c>, <c>balancer-1</c>…
    /// </summary>
    public async Task<JoinGrant> CreateTokenAsync(
        Profile profile,
        string? name,
        Actor actor,
        CancellationToken cancellation,
        IReadOnlyCollection<string>? serves = null
    )
    {
        if (name is not null && !NodeNames.IsValid(name))
        {
            throw new ProblemsException([
                new(
                    "/node",
                    $"'{name}' cannot be the name of a node",
                    "use 1 to 63 lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit"
                ),
            ]);
        }

        if (profile.IsManager() && catalogue.Database.Embedded)
        {
            throw new ConflictException(
                "This cluster's catalogue is a SQLite file, which only its one manager can open",
                "Several managers share a PostgreSQL database: docs/operations/managers.md says how to move the catalogue there."
            );
        }

        var secret = JoinToken.NewSecret();
        var now = catalogue.Time.GetUtcNow();
        JoinGrant? grant = null;
        var transaction = new CatalogueTransaction(actor, "made a join token");
        var letIn = await LetInAsync(profile, serves, transaction, cancellation).ConfigureAwait(false);
        transaction.Also(
            async (context, ct) =>
            {
                await context.JoinTokens.Where(t => t.ExpiresAt < now).ExecuteDeleteAsync(ct).ConfigureAwait(false);
                var node = await ChooseNameAsync(context, profile, name, ct).ConfigureAwait(false);
                var id = RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 12);
                grant = new(id, secret, profile, node, now + TokenLife) { Environments = letIn };
                transaction.Summary =
                    $"made join token {id} for {node} ({profile.Name()})"
                    + (serves is null ? "" : $" in {string.Join(", ", letIn)}");
                context.JoinTokens.Add(
                    new()
                    {
                        Id = id,
                        SecretHash = Digest.Of(secret),
                        Profile = profile,
                        Node = node,
                        CreatedBy = actor.Name,
                        CreatedAt = now,
                        ExpiresAt = grant.ExpiresAt,
                        Environments = serves is null ? null : string.Join(',', letIn),
                    }
                );
            }
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return grant!;
    }

    /// <summary>The join tokens that are still good for something.</summary>
    public async Task<IReadOnlyList<JoinTokenRow>> ListTokensAsync(CancellationToken cancellation)
    {
        var now = catalogue.Time.GetUtcNow();
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            return await context
                .JoinTokens.AsNoTracking()
                .Where(t => t.ExpiresAt > now)
                .OrderBy(t => t.CreatedAt)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Ends a join token. False when there is none.</summary>
    public async Task<bool> RevokeTokenAsync(string id, Actor actor, CancellationToken cancellation)
    {
        var gone = 0;
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, $"revoked join token {id}").Also(
                    async (context, ct) =>
                        gone = await context
                            .JoinTokens.Where(t => t.Id == id)
                            .ExecuteDeleteAsync(ct)
                            .ConfigureAwait(false)
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return gone > 0;
    }

    /// <summary>Tells a node to take no new requests, or to take them again. Null when it is not registered.</summary>
    public async Task<StoredEntity<Node>?> DrainAsync(
        string name,
        bool draining,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var node = await FindAsync(name, cancellation).ConfigureAwait(false);
        if (node is null)
        {
            return null;
        }

        await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, $"{(draining ? "drained" : "undrained")} node {name}").Put(
                    EntityKinds.Node,
                    name,
                    node.Value with
                    {
                        Draining = draining,
                    },
                    ModelJson.Default.Node,
                    expectedEpoch ?? node.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return await FindAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Has a node renew its certificate: it is told with its next report, or when it comes back, and its connections stay open.
    /// Null when it is not registered. Throws <see cref="ConflictException"/> when it has no certificate that still counts.
    /// </summary>
    public async Task<NodeCertificateView?> RenewAsync(
        string name,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var node = await FindAsync(name, cancellation).ConfigureAwait(false);
        if (node is null)
        {
            return null;
        }

        var now = catalogue.Time.GetUtcNow();
        var certificates = await CertificatesAsync(name, cancellation).ConfigureAwait(false);

        // All that it may still show: an answer that was lost left it with an older one than the newest.
        var good = certificates.Where(c => c.NotAfter > now).OrderBy(c => c.IssuedAt).ToList();
        if (good.Count == 0)
        {
            throw new ConflictException(
                $"{name} has no certificate that could be renewed: it has ended",
                $"join it again: remove its pki folder and use a new token, 'gatehouse token create --node {name}' after 'gatehouse node evict {name}'"
            );
        }

        var asked = node.Value with { RenewalOf = string.Join(' ', good.Select(c => c.SerialNumber)) };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, $"had node {name} renew its certificate").Put(
                    EntityKinds.Node,
                    name,
                    asked,
                    ModelJson.Default.Node,
                    expectedEpoch ?? node.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return NodeCertificateView.Of(asked, good[^1]);
    }

    /// <summary>
    /// Says which environments a worker may serve; it reads everything of them at once. Null when it is not registered.
    /// </summary>
    public async Task<StoredEntity<Node>?> SetEnvironmentsAsync(
        string name,
        IReadOnlyCollection<string> serves,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var node = await FindAsync(name, cancellation).ConfigureAwait(false);
        if (node is null)
        {
            return null;
        }

        var transaction = new CatalogueTransaction(actor, $"node {name} may serve {string.Join(", ", serves)}");
        var letIn = await LetInAsync(node.Value.Profile, serves, transaction, cancellation).ConfigureAwait(false);
        if (node.Value.Asked.FirstOrDefault(e => !letIn.Contains(e)) is { } asked)
        {
            // The feed would refuse it altogether, and it would go on with what it has.
            throw new ConflictException(
                $"The gatehouse.yaml of {name} asks for environment {asked}",
                $"take it from 'node.environments' there and start the node again first; or evict it: gatehouse node evict {name}"
            );
        }

        transaction.Put(
            EntityKinds.Node,
            name,
            node.Value with
            {
                Environments = letIn,
            },
            ModelJson.Default.Node,
            expectedEpoch ?? node.Epoch
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await FindAsync(name, cancellation).ConfigureAwait(false);
    }

    // A worker is handed nothing of an environment that no operator let it in for.
    private async Task<ImmutableArray<string>> LetInAsync(
        Profile profile,
        IReadOnlyCollection<string>? serves,
        CatalogueTransaction transaction,
        CancellationToken cancellation
    )
    {
        if (serves is null)
        {
            return profile.IsWorker() ? [GatewayEnvironment.Default] : [];
        }

        if (profile != Profile.GatewayWorker)
        {
            throw new ProblemsException([
                new(
                    "/environments",
                    $"A node of profile {profile.Name()} is not let in for environments",
                    profile.IsManager()
                        ? "it holds the deployments of all of them; 'node.environments' in its gatehouse.yaml says which it serves"
                        : "'node.environments' in its gatehouse.yaml says whose workers it leads to"
                ),
            ]);
        }

        if (serves.Count == 0)
        {
            throw new ProblemsException([
                new("/environments", "A worker serves at least one environment", $"name {GatewayEnvironment.Default}"),
            ]);
        }

        var known = await environments
            .EnsureKnownAsync(serves, "/environments", transaction, cancellation)
            .ConfigureAwait(false);
        return [.. known.Select(e => e.Name).Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// Takes a node out for good: its entity goes and every certificate it may still hold is denied, in one transaction.
    /// False when it is not registered.
    /// </summary>
    public async Task<bool> EvictAsync(
        string name,
        string reason,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var node = await FindAsync(name, cancellation).ConfigureAwait(false);
        if (node is null)
        {
            return false;
        }

        var now = catalogue.Time.GetUtcNow();
        var certificates = await CertificatesAsync(name, cancellation).ConfigureAwait(false);

        var transaction = new CatalogueTransaction(actor, $"{reason}: node {name}").Delete(
            EntityKinds.Node,
            name,
            expectedEpoch ?? node.Epoch
        );
        foreach (var certificate in certificates.Where(c => c.NotAfter + s_grace > now))
        {
            transaction.Put(
                EntityKinds.DeniedCertificate,
                certificate.SerialNumber,
                new DeniedCertificate
                {
                    Node = name,
                    Reason = reason,
                    At = now,
                },
                ModelJson.Default.DeniedCertificate,
                expiresAt: certificate.NotAfter + s_grace
            );
        }

        transaction.Also(
            async (context, ct) =>
            {
                // A renewal that came in between holds a serial that is not denied yet.
                if (
                    await context.NodeCertificates.CountAsync(c => c.Node == name, ct).ConfigureAwait(false)
                    != certificates.Count
                )
                {
                    throw new EntityConflictException(EntityKinds.Node, name, node.Epoch, node.Epoch + 1);
                }

                await context.NodeCertificates.Where(c => c.Node == name).ExecuteDeleteAsync(ct).ConfigureAwait(false);
                await context.NodeStatus.Where(s => s.Node == name).ExecuteDeleteAsync(ct).ConfigureAwait(false);
                await context.JoinTokens.Where(t => t.Node == name).ExecuteDeleteAsync(ct).ConfigureAwait(false);
            }
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        board.Forget(name);
        return true;
    }

    /// <summary>A node goes by its own wish. Its certificates are denied as well: the name is free again.</summary>
    public Task<bool> LeaveAsync(string name, CancellationToken cancellation) =>
        EvictAsync(name, "left", null, new(name), cancellation);

    /// <summary>The registered node; null when there is none.</summary>
    public Task<StoredEntity<Node>?> FindAsync(string name, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Node, name, ModelJson.Default.Node, cancellation);

    private static async Task<string> ChooseNameAsync(
        CatalogueContext context,
        Profile profile,
        string? name,
        CancellationToken cancellation
    )
    {
        var nodes = await context
            .Entities.AsNoTracking()
            .Where(e => e.Kind == EntityKinds.Node && !e.Deleted)
            .Select(e => e.Name)
            .ToListAsync(cancellation)
            .ConfigureAwait(false);
        var promised = await context
            .JoinTokens.AsNoTracking()
            .Select(t => t.Node)
            .ToListAsync(cancellation)
            .ConfigureAwait(false);
        if (name is not null)
        {
            return nodes.Contains(name)
                ? throw new ProblemsException([
                    new(
                        "/node",
                        $"A node '{name}' is registered already",
                        $"choose another name, or evict it first: gatehouse node evict {name}"
                    ),
                ])
                : name;
        }

        var taken = nodes.Concat(promised).ToHashSet(StringComparer.Ordinal);
        var stem = profile switch
        {
            Profile.GatewayWorker => "worker",
            Profile.LoadBalancer => "balancer",
            Profile.ControlPlane or Profile.GatewayManager => "manager",
            Profile.ApiPublisher => "publisher",
            Profile.ApiDevportal => "devportal",
            Profile.ApiKeyManager => "keys",
            Profile.TrafficManager => "traffic",
            _ => "node",
        };
        return Enumerable.Range(1, int.MaxValue).Select(i => $"{stem}-{i}").First(n => !taken.Contains(n));
    }

    private async Task<List<NodeCertificateRow>> CertificatesAsync(string name, CancellationToken cancellation)
    {
        var read = catalogue.Open();
        await using (read.ConfigureAwait(false))
        {
            return await read
                .NodeCertificates.AsNoTracking()
                .Where(c => c.Node == name)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }
    }
}

/// <summary>A join token in the one moment its secret is known; the caller encodes it as <c>ghj1_…</c>.</summary>
/// <param name="Id">Names it in the ledger.</param>
/// <param name="Secret">256 bits.</param>
/// <param name="Profile">What its node becomes.</param>
/// <param name="Node">How its node is called.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record JoinGrant(
    string Id,
    ReadOnlyMemory<byte> Secret,
    Profile Profile,
    string Node,
    DateTimeOffset ExpiresAt
)
{
    /// <summary>Of a worker: the environments it may serve.</summary>
    public ImmutableArray<string> Environments { get; init; } = [];
}
