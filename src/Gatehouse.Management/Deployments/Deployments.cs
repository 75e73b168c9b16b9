using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Puts revisions of APIs on the gateways, takes them off, and tells where they run.</summary>
public sealed class Deployments(
    Catalogue catalogue,
    ApiDefinitions definitions,
    Revisions revisions,
    NodeBoard board,
    Approvals approvals
)
{
    // Two who deploy one API at once; the later one looks again.
    private const int MaxAttempts = 5;

    // A node that falls silent changes no reading, so waiting looks at the clock too.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Deploys a revision, or the definition as it stands, which becomes a revision when it differs from the newest one.
    /// Equal content takes no epoch and moves no worker.
    /// </summary>
    /// <param name="id">The API.</param>
    /// <param name="number">The revision; null for the definition as it stands.</param>
    /// <param name="message">What its publisher says about a new revision.</param>
    /// <param name="expectedEpoch">The epoch the definition must be at.</param>
    /// <param name="actor">Who does it.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task<DeploymentView> DeployAsync(
        string id,
        int? number,
        string? message,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    ) => DeployAsync(id, number, null, message, expectedEpoch, actor, cancellation);

    /// <summary>As above; with <paramref name="canary"/>, beside the revision that runs, for so many of a hundred callers.</summary>
    /// <param name="id">The API.</param>
    /// <param name="number">The revision; null for the definition as it stands.</param>
    /// <param name="canary">1 to 99; null for everybody, which ends what ran beside.</param>
    /// <param name="message">What its publisher says about a new revision.</param>
    /// <param name="expectedEpoch">The epoch the definition must be at.</param>
    /// <param name="actor">Who does it.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<DeploymentView> DeployAsync(
        string id,
        int? number,
        int? canary,
        string? message,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (canary is < 1 or > 99)
        {
            throw new ProblemsException([
                new("/canary", "1 to 99 of a hundred callers get a canary", "leave it out to deploy for everybody"),
            ]);
        }

        for (var attempt = 1; ; attempt++)
        {
            var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
            var revision = number is { } n
                ? await revisions.GetAsync(definition.Name, n, cancellation).ConfigureAwait(false)
                : await revisions.NextAsync(definition, cancellation).ConfigureAwait(false);
            try
            {
                return await CommitAsync(definition, revision, canary, message, expectedEpoch, actor, cancellation)
                    .ConfigureAwait(false);
            }
            catch (EntityConflictException) when (expectedEpoch is null && attempt < MaxAttempts)
            {
                // Somebody else deployed or edited it this moment.
            }
        }
    }

    /// <summary>Deploys the revision before the one that runs, or <paramref name="number"/>. A new epoch with old content.</summary>
    public async Task<DeploymentView> RollBackAsync(
        string id,
        int? number,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (number is null)
        {
            var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
            var deployed = await FindAsync(definition.Name, cancellation).ConfigureAwait(false);
            if (deployed is null)
            {
                throw new ConflictException(
                    $"{definition.Name} is not deployed, so there is nothing to go back from",
                    $"say which revision: gatehouse rollback {definition.Name} r1"
                );
            }

            if (deployed.Value.Revision <= 1)
            {
                throw new ConflictException($"{definition.Name} runs r1; there is no revision before it");
            }

            number = deployed.Value.Revision - 1;
        }

        return await DeployAsync(id, number, null, expectedEpoch, actor, cancellation).ConfigureAwait(false);
    }

    /// <summary>Takes the API off the gateways. Its definition and revisions stay.</summary>
    public async Task<DeploymentView> UndeployAsync(
        string id,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        await catalogue
            .CommitAsync(
                Guard(new(actor, $"undeployed API {definition.Name}"), definition, expectedEpoch)
                    .Delete(EntityKinds.Api, definition.Name),
                cancellation
            )
            .ConfigureAwait(false);
        return await StatusAsync(definition.Name, cancellation).ConfigureAwait(false);
    }

    /// <summary>How the API stands on every worker; when asked to wait, as soon as all have answered or the time is over.</summary>
    public async Task<DeploymentView> WaitAsync(string id, TimeSpan wait, CancellationToken cancellation)
    {
        var name = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        using var deadline = new CancellationTokenSource(wait, catalogue.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
        while (true)
        {
            // Taken before the look, so that a report in between is not slept through.
            var seen = board.Readings.Value;
            var status = await StatusAsync(name, cancellation).ConfigureAwait(false);
            if (status.IsSettled || deadline.IsCancellationRequested)
            {
                return status;
            }

            using var look = CancellationTokenSource.CreateLinkedTokenSource(both.Token);
            look.CancelAfter(s_lookAgain);
            try
            {
                await board.Readings.WhenAsync(now => !ReferenceEquals(now, seen), look.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // Time to look again, or for the last time.
            }
        }
    }

    /// <summary>The APIs whose deployment changed last, and how each stands on every worker; the newest first.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<ImmutableArray<DeploymentView>> NewestAsync(int most, CancellationToken cancellation)
    {
        List<EntityRow> rows;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            rows = await context
                .Entities.AsNoTracking()
                .Where(e => e.Kind == EntityKinds.Api && !e.Deleted)
                .OrderByDescending(e => e.Epoch)
                .Take(most)
                .ToListAsync(cancellation)
                .ConfigureAwait(false);
        }

        var head = await catalogue.ReadHeadAsync(cancellation).ConfigureAwait(false);
        var workers = (
            await catalogue.ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation).ConfigureAwait(false)
        )
            .Where(n => EntityKinds.For(n.Value.Profile).Contains(EntityKinds.Api))
            .Select(n => n.Name)
            .ToList();
        return
        [
            .. rows.Select(row =>
            {
                ImmutableArray<NodeDeployment> nodes =
                [
                    .. workers.Select(w => board.Of(w, EntityKinds.Api, row.Name, row.Epoch, head)),
                ];
                return new DeploymentView(
                    row.Name,
                    JsonSerializer.Deserialize(row.Payload, ModelJson.Default.Api)!.Revision,
                    row.Epoch,
                    nodes.All(n => n.State is DeploymentState.Applied or DeploymentState.Refused),
                    nodes
                );
            }),
        ];
    }

    private async Task<DeploymentView> StatusAsync(string name, CancellationToken cancellation)
    {
        EntityRow? row;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            row = await context
                .Entities.AsNoTracking()
                .SingleOrDefaultAsync(e => e.Kind == EntityKinds.Api && e.Name == name, cancellation)
                .ConfigureAwait(false);
        }

        if (row is null)
        {
            return new(name, null, 0, IsSettled: true, []);
        }

        var nodes = await board.OfAsync(EntityKinds.Api, name, row.Epoch, cancellation).ConfigureAwait(false);
        var api = row.Deleted ? null : JsonSerializer.Deserialize(row.Payload, ModelJson.Default.Api)!;
        return new(
            name,
            api?.Revision,
            row.Epoch,
            nodes.All(n => n.State is DeploymentState.Applied or DeploymentState.Refused),
            nodes
        )
        {
            CanaryRevision = api?.Canary?.Api.Revision,
            CanaryPercent = api?.Canary?.Percent,
        };
    }

    /// <summary>What the gateways run of an API; null when it is not deployed.</summary>
    internal Task<StoredEntity<Api>?> FindAsync(string name, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Api, name, ModelJson.Default.Api, cancellation);

    private async Task<DeploymentView> CommitAsync(
        StoredEntity<ApiDefinition> definition,
        Revision revision,
        int? canary,
        string? message,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var name = definition.Name;
        var running = await FindAsync(name, cancellation).ConfigureAwait(false);
        var (life, lifeEpoch) = await Lifecycles.ReadAsync(catalogue, name, cancellation).ConfigureAwait(false);
        var transaction = Guard(new(actor, $"deployed API {name} r{revision.Number}"), definition, expectedEpoch);
        if (life.State == ApiState.Retired)
        {
            throw new ConflictException($"{name} is retired", "import it anew under another version");
        }

        if (life is { State: ApiState.Created, History.IsEmpty: true })
        {
            // Whoever deploys without a word about its life means to publish, but when that has to be approved. After the
            // first step, only steps move it.
            var (approval, _) = await approvals.SettingsAsync(cancellation).ConfigureAwait(false);
            life = approval.Lifecycle
                ? life
                : life.After(
                    name,
                    LifecycleAction.Publish,
                    actor.Name,
                    catalogue.Time.GetUtcNow(),
                    "by its first deployment"
                );
            Lifecycles.Put(transaction, name, life, lifeEpoch);
        }

        await AddAsync(transaction, definition.Value, revision, message, life.State, running, cancellation, canary)
            .ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await StatusAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Adds a revision to what a transaction puts on the gateways, and the revision itself when it is new.</summary>
    internal async Task AddAsync(
        CatalogueTransaction transaction,
        ApiDefinition current,
        Revision revision,
        string? message,
        ApiState state,
        StoredEntity<Api>? running,
        CancellationToken cancellation,
        int? canary = null
    )
    {
        // A revision is older than today's rules may be; what they refuse must not reach a worker.
        if (ApiRules.Check(revision.Definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        await LimitPolicies.EnsureKnownAsync(catalogue, revision.Definition, cancellation).ConfigureAwait(false);
        var name = current.Id;
        // Which version answers without one is decided now: an older revision must not take it back.
        var api = revision.Definition.ToApi(revision.Number, ApiLifecycle.StatusOf(state)) with
        {
            IsDefaultVersion = current.IsDefaultVersion,
        };
        transaction.Put(
            EntityKinds.Api,
            name,
            canary is { } percent ? Beside(running?.Value, api, percent, name) : api,
            ModelJson.Default.Api,
            running?.Epoch ?? 0
        );
        var existing = await revisions.FindLatestAsync(name, cancellation).ConfigureAwait(false);
        if (revision.Number > (existing?.Number ?? 0))
        {
            transaction.Also(
                (context, _) =>
                {
                    context.Revisions.Add(
                        new()
                        {
                            Api = name,
                            Number = revision.Number,
                            Digest = revision.Digest,
                            Definition = CanonicalJson.Write(revision.Definition, DefinitionJson.Default.ApiDefinition),
                            DocumentDigest = revision.Definition.Document,
                            Message = message,
                            CreatedBy = transaction.Actor.Name,
                            CreatedAt = catalogue.Time.GetUtcNow(),
                        }
                    );
                    return Task.CompletedTask;
                }
            );
        }
    }

    private static Api Beside(Api? running, Api other, int percent, string name)
    {
        if (running is null)
        {
            throw new ConflictException(
                $"{name} is not deployed, so there is nothing to run a canary beside",
                $"deploy it for everybody first: gatehouse deploy {name}"
            );
        }

        if (running.Revision == other.Revision)
        {
            throw new ConflictException(
                $"r{other.Revision} is what everybody gets already",
                "change the API first, or name another revision with --revision"
            );
        }

        if (running.Context != other.Context)
        {
            throw new ConflictException(
                $"r{other.Revision} answers at {other.Context} and r{running.Revision} at {running.Context}",
                "a canary has the address of what it runs beside; deploy it for everybody"
            );
        }

        var both = running with
        {
            Canary = new() { Percent = percent, Api = other },
        };
        var size = CanonicalJson.Write(both, ModelJson.Default.Api).Length;
        return size <= EntityChange.MaxPayload
            ? both
            : throw new ProblemsException([
                new(
                    "/canary",
                    $"Both revisions together take {size >> 10} KiB on the wire and may take {EntityChange.MaxPayload >> 10}",
                    "deploy it for everybody"
                ),
            ]);
    }

    // Equal content changes nothing, but the commit fails when the definition moved since it was read.
    private static CatalogueTransaction Guard(
        CatalogueTransaction transaction,
        StoredEntity<ApiDefinition> definition,
        long? expectedEpoch
    ) =>
        transaction.Put(
            EntityKinds.Definition,
            definition.Name,
            definition.Value,
            DefinitionJson.Default.ApiDefinition,
            expectedEpoch ?? definition.Epoch
        );
}

/// <summary>Where an API runs.</summary>
/// <param name="Api"><c>name:version</c>.</param>
/// <param name="Revision">The revision that is deployed; null when none is.</param>
/// <param name="Epoch">The change a worker must have applied.</param>
/// <param name="IsSettled">True when every registered worker applied or refused it.</param>
/// <param name="Nodes">Each registered worker.</param>
public sealed record DeploymentView(
    string Api,
    int? Revision,
    long Epoch,
    bool IsSettled,
    ImmutableArray<NodeDeployment> Nodes
)
{
    /// <summary>The revision that some callers get; null when all get <see cref="Revision"/>.</summary>
    public int? CanaryRevision { get; init; }

    /// <summary>How many of a hundred.</summary>
    public int? CanaryPercent { get; init; }
}
