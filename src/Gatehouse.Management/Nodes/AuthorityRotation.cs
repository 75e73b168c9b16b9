using System.Collections.Immutable;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>
/// Puts another certificate authority in the place of the cluster's, with no call failed. Stage by stage, each begun when every
/// node has come through the one before: nodes believe both authorities; the next one issues and nodes renew; the old one counts
/// no more. What a node has it says in its reports (<see cref="ClusterTrust.Id"/>).
/// </summary>
public sealed class AuthorityRotation(
    Catalogue catalogue,
    NodeBoard board,
    NodeRegistry registry,
    ManagementOptions options
)
{
    private ClusterAuthorities Authorities =>
        options.Authorities ?? throw new ConflictException("This manager holds no certificate authority");

    /// <summary>The authority, its rotation if one runs, and how far each node is.</summary>
    public async Task<AuthorityView> ReadAsync(CancellationToken cancellation)
    {
        await Authorities.RefreshAsync(cancellation).ConfigureAwait(false);
        var nodes = await catalogue
            .ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation)
            .ConfigureAwait(false);
        var head = await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false);
        var present = Authorities.Present;
        var trust = Authorities.Current.Id;
        return new(
            present.Subject,
            Digest.Of(present.RawData).ToString(),
            present.NotAfter.ToUniversalTime(),
            Authorities.Rotation is { } running
                ? new(
                    running.Stage,
                    running.Next.Subject,
                    Digest.Of(running.Next.RawData).ToString(),
                    running.BeganAt,
                    running.By
                )
                : null,
            [
                .. nodes.Select(n => new NodeTrust(
                    n.Value.Name,
                    n.Value.Profile,
                    WaitsFor(board.Find(n.Value.Name), trust, board.StateOf(n.Value, head))
                )),
            ]
        );
    }

    /// <summary>Makes the next authority and lets nodes learn to believe it. Throws <see cref="ConflictException"/> when a rotation runs.</summary>
    public async Task<AuthorityView> BeginAsync(Actor actor, CancellationToken cancellation)
    {
        var authorities = Authorities;
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(actor, "began to rotate the certificate authority").Also(
                    async (context, ct) =>
                    {
                        if (await authorities.FindAsync(context, ct).ConfigureAwait(false) is { } running)
                        {
                            throw new ConflictException(
                                $"A rotation of the authority runs already: {running.By} began it at {running.BeganAt:u}",
                                "gatehouse cert rotate-ca goes on with it, --abort takes it back"
                            );
                        }

                        await authorities.BeginAsync(context, options.Cluster, actor.Name, ct).ConfigureAwait(false);
                    }
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return await ReadAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Begins the next stage. Throws <see cref="ConflictException"/> naming the nodes that are not through the present one and
    /// are not <paramref name="without"/>. After the last stage such a node would be shut out, so it is evicted.
    /// </summary>
    public async Task<AuthorityView> AdvanceAsync(
        IReadOnlyCollection<string> without,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var view = await ReadAsync(cancellation).ConfigureAwait(false);
        if (view.Rotation is not { Stage: var stage })
        {
            throw NoneRuns();
        }

        if (without.FirstOrDefault(n => view.Nodes.All(node => node.Node != n)) is { } unknown)
        {
            throw new NotFoundException("node", unknown);
        }

        var late = view.Nodes.Where(n => n.WaitsFor is not null).ToList();
        var missing = late.Where(n => !without.Contains(n.Node)).ToList();
        if (missing.Count > 0)
        {
            throw new ConflictException(
                $"{missing.Count} of {view.Nodes.Length} nodes are not through the stage '{Word(stage)}': {string.Join("; ", missing.Select(n => $"{n.Node}: {n.WaitsFor}"))}",
                "wait for them, or leave one out that will not come back: --without NODE; it has to join again"
            );
        }

        if (stage != RotationStage.Trust)
        {
            foreach (var node in late)
            {
                if (node.Node == options.NodeName)
                {
                    throw new ConflictException(
                        $"{node.Node} is the manager that answers you",
                        "it cannot be left out"
                    );
                }

                await registry
                    .EvictAsync(node.Node, "left out of the authority's rotation", null, actor, cancellation)
                    .ConfigureAwait(false);
            }
        }

        var authorities = Authorities;
        var transaction = new CatalogueTransaction(
            actor,
            stage switch
            {
                RotationStage.Trust => "rotating the certificate authority: the next one issues certificates",
                RotationStage.Issue => "rotated the certificate authority: the one before counts no more",
                _ => "took the rotation of the certificate authority back",
            }
        );
        transaction.Also(
            async (context, ct) =>
            {
                var running = await RequireAsync(context, stage, ct).ConfigureAwait(false);
                switch (stage)
                {
                    case RotationStage.Trust:
                        await authorities.MoveAsync(context, running, RotationStage.Issue, ct).ConfigureAwait(false);
                        break;
                    case RotationStage.Issue:
                        await authorities.ReplaceAsync(context, running, ct).ConfigureAwait(false);
                        break;
                    default:
                        await ClusterAuthorities.DropNextAsync(context, ct).ConfigureAwait(false);
                        break;
                }
            }
        );
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await ReadAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Takes a rotation back. Before the next authority has issued anything it is forgotten at once; afterwards nodes get
    /// certificates of the present one first, which <see cref="AdvanceAsync"/> then ends. Throws <see cref="ConflictException"/>
    /// when none runs.
    /// </summary>
    public async Task<AuthorityView> AbortAsync(Actor actor, CancellationToken cancellation)
    {
        var authorities = Authorities;
        await authorities.RefreshAsync(cancellation).ConfigureAwait(false);
        if (authorities.Rotation is not { Stage: var stage })
        {
            throw NoneRuns();
        }

        if (stage != RotationStage.Back)
        {
            var transaction = new CatalogueTransaction(actor, "takes the rotation of the certificate authority back");
            transaction.Also(
                async (context, ct) =>
                {
                    var running = await RequireAsync(context, stage, ct).ConfigureAwait(false);
                    if (stage == RotationStage.Trust)
                    {
                        await ClusterAuthorities.DropNextAsync(context, ct).ConfigureAwait(false);
                    }
                    else
                    {
                        await authorities.MoveAsync(context, running, RotationStage.Back, ct).ConfigureAwait(false);
                    }
                }
            );
            await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        }

        return await ReadAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>What the rotation waits for at a node; null when it is where it is to be.</summary>
    /// <param name="reading">What it said last; null for one that was never heard of.</param>
    /// <param name="trust">Where it is to be.</param>
    /// <param name="state">How it stands.</param>
    internal static string? WaitsFor(NodeReading? reading, string trust, NodeState state) =>
        reading?.Report is not { } report ? "was never heard of"
        : report.Trust == trust ? null
        : state is NodeState.Lost or NodeState.Stopped ? $"away since {reading.SeenAt:u}"
        : report.Trust.Length == 0 ? $"runs {report.Version}, which follows no rotation: upgrade it first"
        : report.CertificateTrouble.Length > 0 ? report.CertificateTrouble
        : "on its way";

    // Another manager may have been faster.
    private async Task<KeptRotation> RequireAsync(
        CatalogueContext context,
        RotationStage stage,
        CancellationToken cancellation
    ) =>
        await Authorities.FindAsync(context, cancellation).ConfigureAwait(false) is { } running
        && running.Stage == stage
            ? running
            : throw new ConflictException(
                "The rotation is at another stage by now",
                "look again: gatehouse cert rotate-ca --status"
            );

    private static ConflictException NoneRuns() =>
        new("No rotation of the authority runs", "gatehouse cert rotate-ca begins one");

    private static string Word(RotationStage stage) => stage.ToString().ToLowerInvariant();
}

/// <summary>The cluster's certificate authority.</summary>
/// <param name="Subject">Its name.</param>
/// <param name="Pin">SHA-256 of its certificate, hexadecimal.</param>
/// <param name="Ends">Its end.</param>
/// <param name="Rotation">The rotation that runs; null when none does.</param>
/// <param name="Nodes">Every node, and what it lacks of what the cluster believes now.</param>
public sealed record AuthorityView(
    string Subject,
    string Pin,
    DateTimeOffset Ends,
    RotationView? Rotation,
    ImmutableArray<NodeTrust> Nodes
);

/// <summary>A rotation of the authority that runs.</summary>
/// <param name="Stage">How far it is.</param>
/// <param name="Subject">The name of the authority that takes over.</param>
/// <param name="Pin">SHA-256 of its certificate, hexadecimal.</param>
/// <param name="BeganAt">When it began.</param>
/// <param name="By">Who began it.</param>
public sealed record RotationView(RotationStage Stage, string Subject, string Pin, DateTimeOffset BeganAt, string By);

/// <summary>A node, as the authority's rotation sees it.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Profile">What it runs.</param>
/// <param name="WaitsFor">What it lacks, or why it is not heard of; null when it has all that the stage brings.</param>
public sealed record NodeTrust(string Node, Profile Profile, string? WaitsFor);

/// <summary>Asks for the next stage of a rotation.</summary>
/// <param name="Without">Nodes that are not waited for.</param>
public sealed record AdvanceRotation(ImmutableArray<string>? Without = null);
