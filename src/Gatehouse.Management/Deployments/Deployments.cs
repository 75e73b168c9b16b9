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
    Approvals approvals,
    Environments environments
)
{
    // Two who deploy one API at once; the later one looks again.
    private const int MaxAttempts = 5;

    // A node that falls silent changes no reading, so waiting looks at the clock too.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Deploys a revision, or the definition as it stands, which becomes a revision when it differs from the newest one.
    /// Equal content takes no epoch and moves no worker. Throws <see cref="ProblemsException"/> for an unknown environment.
    /// </summary>
    /// <param name="id">The API.</param>
    /// <param name="ask">What, where, and for whom.</param>
    /// <param name="expectedEpoch">The epoch the definition must be at.</param>
    /// <param name="actor">Who does it.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<DeploymentView> DeployAsync(
        string id,
        DeployRequest ask,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (ask.Canary is < 1 or > 99)
        {
            throw new ProblemsException([
                new("/canary", "1 to 99 of a hundred callers get a canary", "leave it out to deploy for everybody"),
            ]);
        }

        for (var attempt = 1; ; attempt++)
        {
            var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
            var revision = ask.Revision is { } n
                ? await revisions.GetAsync(definition.Name, n, cancellation).ConfigureAwait(false)
                : await revisions.NextAsync(definition, cancellation).ConfigureAwait(false);
            try
            {
                return await CommitAsync(definition, revision, ask, expectedEpoch, actor, cancellation)
                    .ConfigureAwait(false);
            }
            catch (EntityConflictException) when (expectedEpoch is null && attempt < MaxAttempts)
            {
                // Somebody else deployed or edited it this moment.
            }
        }
    }

    /// <summary>Deploys the revision before the one that runs, or the one asked for. A new epoch with old content.</summary>
    public async Task<DeploymentView> RollBackAsync(
        string id,
        RollbackRequest ask,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var number = ask.Revision;
        if (number is null)
        {
            var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
            var name = await NameAsync(definition.Name, ask.Environment, cancellation).ConfigureAwait(false);
            var deployed = await FindAsync(name, cancellation).ConfigureAwait(false);
            if (deployed is null)
            {
                throw new ConflictException(
                    $"{definition.Name} is not deployed{In(name)}, so there is nothing to go back from",
                    $"say which revision: gatehouse rollback {definition.Name} r1{Option(name)}"
                );
            }

            if (deployed.Value.Revision <= 1)
            {
                throw new ConflictException($"{definition.Name} runs r1{In(name)}; there is no revision before it");
            }

            number = deployed.Value.Revision - 1;
        }

        return await DeployAsync(
                id,
                new DeployRequest(number, Environment: ask.Environment),
                expectedEpoch,
                actor,
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>Takes the API off the gateways of an environment. Its definition and revisions stay.</summary>
    public async Task<DeploymentView> UndeployAsync(
        string id,
        string? environment,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var definition = await definitions.GetAsync(id, cancellation).ConfigureAwait(false);
        var name = await NameAsync(definition.Name, environment, cancellation).ConfigureAwait(false);
        await catalogue
            .CommitAsync(
                Guard(new(actor, $"undeployed API {definition.Name}{In(name)}"), definition, expectedEpoch)
                    .Delete(EntityKinds.Api, name.ToString()),
                cancellation
            )
            .ConfigureAwait(false);
        return await StatusAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Where an API is deployed and how it stands on every worker there: the default environment first.</summary>
    public async Task<ImmutableArray<DeploymentView>> EverywhereAsync(string id, CancellationToken cancellation)
    {
        var api = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var views = ImmutableArray.CreateBuilder<DeploymentView>();
        foreach (var deployed in await OfAsync(catalogue, api, cancellation).ConfigureAwait(false))
        {
            views.Add(await StatusAsync(DeploymentName.Parse(deployed.Name), cancellation).ConfigureAwait(false));
        }

        return views.ToImmutable();
    }

    /// <summary>How the API stands on every worker of an environment; when asked to wait, as soon as all have answered or the time is over.</summary>
    public async Task<DeploymentView> WaitAsync(
        string id,
        string? environment,
        TimeSpan wait,
        CancellationToken cancellation
    )
    {
        var api = (await definitions.GetAsync(id, cancellation).ConfigureAwait(false)).Name;
        var name = await NameAsync(api, environment, cancellation).ConfigureAwait(false);
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
            .Select(n => (n.Name, Scope: FeedScope.Of(n.Value)))
            .ToList();
        return
        [
            .. rows.Select(row =>
                View(
                    DeploymentName.Parse(row.Name),
                    row,
                    [
                        .. workers
                            .Where(w => w.Scope.Includes(EntityKinds.Api, row.Name))
                            .Select(w => board.Of(w.Name, EntityKinds.Api, row.Name, row.Epoch, head)),
                    ]
                )
            ),
        ];
    }

    /// <summary>Every deployment of an API: the default environment's first, the others by name.</summary>
    internal static async Task<IReadOnlyList<StoredEntity<Api>>> OfAsync(
        Catalogue catalogue,
        string api,
        CancellationToken cancellation
    ) =>
        [
            .. (
                await catalogue
                    .ListBelowAsync(EntityKinds.Api, api, ModelJson.Default.Api, cancellation)
                    .ConfigureAwait(false)
            ).Where(d => DeploymentName.Parse(d.Name).Api == api),
        ];

    /// <summary>Puts every deployment of an API again, changed by <paramref name="change"/>.</summary>
    internal static async Task ChangeAsync(
        Catalogue catalogue,
        CatalogueTransaction transaction,
        string api,
        Func<Api, Api> change,
        CancellationToken cancellation
    )
    {
        foreach (var running in await OfAsync(catalogue, api, cancellation).ConfigureAwait(false))
        {
            transaction.Put(EntityKinds.Api, running.Name, change(running.Value), ModelJson.Default.Api, running.Epoch);
        }
    }

    // An environment that there is not is told by its nearest name, not by an API that is nowhere.
    private async Task<DeploymentName> NameAsync(string api, string? environment, CancellationToken cancellation)
    {
        var known = await environments
            .EnsureKnownAsync([environment ?? GatewayEnvironment.Default], "/environment", null, cancellation)
            .ConfigureAwait(false);
        return new(api, known[0].Name);
    }

    private async Task<DeploymentView> StatusAsync(DeploymentName name, CancellationToken cancellation)
    {
        var entity = name.ToString();
        EntityRow? row;
        var context = catalogue.Open();
        await using (context.ConfigureAwait(false))
        {
            row = await context
                .Entities.AsNoTracking()
                .SingleOrDefaultAsync(e => e.Kind == EntityKinds.Api && e.Name == entity, cancellation)
                .ConfigureAwait(false);
        }

        return row is null
            ? new(name.Api, null, 0, IsSettled: true, []) { Environment = name.Environment }
            : View(
                name,
                row,
                await board.OfAsync(EntityKinds.Api, entity, row.Epoch, cancellation).ConfigureAwait(false)
            );
    }

    private static DeploymentView View(DeploymentName name, EntityRow row, ImmutableArray<NodeDeployment> nodes)
    {
        var api = row.Deleted ? null : JsonSerializer.Deserialize(row.Payload, ModelJson.Default.Api)!;
        return new(
            name.Api,
            api?.Revision,
            row.Epoch,
            nodes.All(n => n.State is DeploymentState.Applied or DeploymentState.Refused),
            nodes
        )
        {
            Environment = name.Environment,
            CanaryRevision = api?.Canary?.Api.Revision,
            CanaryPercent = api?.Canary?.Percent,
        };
    }

    private static string In(DeploymentName name) =>
        name.Environment == GatewayEnvironment.Default ? "" : $" in {name.Environment}";

    private static string Option(DeploymentName name) =>
        name.Environment == GatewayEnvironment.Default ? "" : $" --environment {name.Environment}";

    private Task<StoredEntity<Api>?> FindAsync(DeploymentName name, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Api, name.ToString(), ModelJson.Default.Api, cancellation);

    private async Task<DeploymentView> CommitAsync(
        StoredEntity<ApiDefinition> definition,
        Revision revision,
        DeployRequest ask,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        var name = definition.Name;
        var (life, lifeEpoch) = await Lifecycles.ReadAsync(catalogue, name, cancellation).ConfigureAwait(false);
        var transaction = Guard(new(actor, $"deployed API {name} r{revision.Number}"), definition, expectedEpoch);
        var place = new DeploymentName(name, ask.Environment ?? GatewayEnvironment.Default);
        transaction.Summary += In(place);
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

        await AddAsync(transaction, definition.Value, revision, ask, life.State, cancellation).ConfigureAwait(false);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return await StatusAsync(place, cancellation).ConfigureAwait(false);
    }

    /// <summary>Adds a revision to what a transaction puts on the gateways, and the revision itself when it is new.</summary>
    internal async Task AddAsync(
        CatalogueTransaction transaction,
        ApiDefinition current,
        Revision revision,
        DeployRequest ask,
        ApiState state,
        CancellationToken cancellation
    )
    {
        // A revision is older than today's rules may be; what they refuse must not reach a worker.
        if (ApiRules.Check(revision.Definition) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        await LimitPolicies.EnsureKnownAsync(catalogue, revision.Definition, cancellation).ConfigureAwait(false);
        var name = current.Id;
        var place = new DeploymentName(name, ask.Environment ?? GatewayEnvironment.Default);
        var environment = (
            await environments
                .EnsureKnownAsync([place.Environment], "/environment", transaction, cancellation)
                .ConfigureAwait(false)
        )[0];
        var running = await FindAsync(place, cancellation).ConfigureAwait(false);
        // Which version answers without one is decided now: an older revision must not take it back.
        var api = revision.Definition.ToApi(revision.Number, ApiLifecycle.StatusOf(state)) with
        {
            IsDefaultVersion = current.IsDefaultVersion,
            Hosts = environment.Hosts,
        };
        transaction.Put(
            EntityKinds.Api,
            place.ToString(),
            ask.Canary is { } percent ? Beside(running?.Value, api, percent, place) : api,
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
                            Message = ask.Message,
                            CreatedBy = transaction.Actor.Name,
                            CreatedAt = catalogue.Time.GetUtcNow(),
                        }
                    );
                    return Task.CompletedTask;
                }
            );
        }
    }

    private static Api Beside(Api? running, Api other, int percent, DeploymentName name)
    {
        if (running is null)
        {
            throw new ConflictException(
                $"{name.Api} is not deployed{In(name)}, so there is nothing to run a canary beside",
                $"deploy it for everybody first: gatehouse deploy {name.Api}{Option(name)}"
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

/// <summary>How an API stands in one environment.</summary>
/// <param name="Api"><c>name:version</c>.</param>
/// <param name="Revision">The revision that is deployed; null when none is.</param>
/// <param name="Epoch">The change a worker must have applied.</param>
/// <param name="IsSettled">True when every registered worker of the environment applied or refused it.</param>
/// <param name="Nodes">Each registered worker of the environment.</param>
public sealed record DeploymentView(
    string Api,
    int? Revision,
    long Epoch,
    bool IsSettled,
    ImmutableArray<NodeDeployment> Nodes
)
{
    /// <summary>The environment.</summary>
    public string Environment
    {
        // A manager of an older build does not say: it has one.
        get => field ?? GatewayEnvironment.Default;
        init;
    }

    /// <summary>The revision that some callers get; null when all get <see cref="Revision"/>.</summary>
    public int? CanaryRevision { get; init; }

    /// <summary>How many of a hundred.</summary>
    public int? CanaryPercent { get; init; }
}
