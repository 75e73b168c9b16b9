using System.Collections.Immutable;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Management;

/// <summary>Where APIs can be deployed to. The default environment needs no entity; one gives it hosts and a description.</summary>
public sealed class Environments(Catalogue catalogue)
{
    /// <summary>Every environment with what is in it: the default one first, the others by name.</summary>
    public async Task<ImmutableArray<EnvironmentView>> ListAsync(CancellationToken cancellation)
    {
        var all = await catalogue
            .ListAsync(EntityKinds.Environment, ModelJson.Default.GatewayEnvironment, cancellation)
            .ConfigureAwait(false);
        var deployed = (await catalogue.ListNamesAsync(EntityKinds.Api, cancellation).ConfigureAwait(false))
            .Select(DeploymentName.Parse)
            .ToLookup(d => d.Environment, d => d.Api);
        var nodes = await NodesAsync(cancellation).ConfigureAwait(false);
        return
        [
            .. all.Select(e => e.Value)
                .Where(e => e.Name != GatewayEnvironment.Default)
                .Prepend(all.FirstOrDefault(e => e.Name == GatewayEnvironment.Default)?.Value ?? s_default)
                .Select(e => new EnvironmentView(
                    e.Name,
                    e.Description,
                    e.Hosts,
                    deployed[e.Name].Count(),
                    [.. nodes.Where(n => n.Served().Contains(e.Name)).Select(n => n.Name)]
                )),
        ];
    }

    /// <summary>One environment with what is in it. Throws <see cref="NotFoundException"/>.</summary>
    public async Task<(EnvironmentView View, long Epoch)> GetAsync(string name, CancellationToken cancellation)
    {
        var view =
            (await ListAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(e => e.Name == name)
            ?? throw new NotFoundException("environment", Excerpt.Of(name));
        return (view, (await FindAsync(name, cancellation).ConfigureAwait(false))?.Epoch ?? 0);
    }

    /// <summary>
    /// Makes an environment, or replaces the one of its name: its deployments answer on its new hosts in the same transaction.
    /// Throws <see cref="ProblemsException"/> with all that is wrong, <see cref="ConflictException"/> when a host is taken.
    /// </summary>
    /// <param name="environment">The environment.</param>
    /// <param name="expectedEpoch">The epoch it must be at; 0 when it must not be there; null for whatever there is.</param>
    /// <param name="actor">Who does it.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<bool> PutAsync(
        GatewayEnvironment environment,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        environment = environment with
        {
            Hosts = [.. environment.Hosts.Select(h => h.Trim().ToLowerInvariant()).Distinct(StringComparer.Ordinal)],
        };
        if (Check(environment) is { IsEmpty: false } problems)
        {
            throw new ProblemsException(problems);
        }

        var all = await catalogue
            .ListAsync(EntityKinds.Environment, ModelJson.Default.GatewayEnvironment, cancellation)
            .ConfigureAwait(false);
        var before = all.FirstOrDefault(e => e.Name == environment.Name);
        if (before is not null && expectedEpoch == 0)
        {
            throw new ConflictException(
                $"There is an environment {environment.Name} already",
                "add --update to change it"
            );
        }

        await EnsureFreeAsync(environment, all, cancellation).ConfigureAwait(false);
        var transaction = new CatalogueTransaction(
            actor,
            $"{(before is null ? "made" : "changed")} environment {environment.Name}"
        ).Put(
            EntityKinds.Environment,
            environment.Name,
            environment,
            ModelJson.Default.GatewayEnvironment,
            expectedEpoch ?? before?.Epoch ?? 0
        );
        var deployed = await DeployedInAsync(environment.Name, cancellation).ConfigureAwait(false);
        if (!environment.Hosts.SequenceEqual(before?.Value.Hosts ?? []))
        {
            GuardDeployed(transaction, environment.Name, deployed);
        }

        foreach (var running in deployed)
        {
            transaction.Put(
                EntityKinds.Api,
                running.Name,
                running.Value with
                {
                    Hosts = environment.Hosts,
                },
                ModelJson.Default.Api,
                running.Epoch
            );
        }

        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
        return before is null;
    }

    /// <summary>
    /// Deletes an environment. Throws <see cref="ConflictException"/> that says what breaks: workers that serve it, issuers that
    /// count nowhere else, and, unless <paramref name="force"/>, its deployments, which go with it.
    /// </summary>
    public async Task DeleteAsync(
        string name,
        bool force,
        long? expectedEpoch,
        Actor actor,
        CancellationToken cancellation
    )
    {
        if (name == GatewayEnvironment.Default)
        {
            throw new ConflictException(
                "The default environment cannot be deleted",
                "it is where an API goes whose publisher names none"
            );
        }

        var environment =
            await FindAsync(name, cancellation).ConfigureAwait(false)
            ?? throw new NotFoundException("environment", Excerpt.Of(name));
        var nodes = (await NodesAsync(cancellation).ConfigureAwait(false))
            .Where(n => n.Environments.Contains(name) || n.Asked.Contains(name))
            .Select(n => n.Name)
            .ToList();
        if (nodes.Count > 0)
        {
            throw new ConflictException(
                $"{Some(nodes, "node")} of environment {name} would serve nothing of it any more",
                $"say what they serve instead, or evict them: gatehouse node environments {nodes[0]} {GatewayEnvironment.Default}"
            );
        }

        var issuers = (
            await catalogue.ListAsync(EntityKinds.Issuer, ModelJson.Default.Issuer, cancellation).ConfigureAwait(false)
        )
            .Where(i => i.Value.Environments.Contains(name))
            .Select(i => i.Name)
            .ToList();
        if (issuers.Count > 0)
        {
            throw new ConflictException(
                $"{Some(issuers, "issuer")} counts in environment {name}",
                $"take the environment from its list, or delete it: gatehouse issuer delete {issuers[0]}"
            );
        }

        var deployed = await DeployedInAsync(name, cancellation).ConfigureAwait(false);
        if (deployed.Count > 0 && !force)
        {
            throw new ConflictException(
                $"{Some([.. deployed.Select(d => DeploymentName.Parse(d.Name).Api)], "API")} would be undeployed with environment {name}",
                "undeploy them first, or add --force (REST: ?force=true) to undeploy them with it"
            );
        }

        var transaction = new CatalogueTransaction(
            actor,
            $"deleted environment {name}{(deployed.Count > 0 ? $" and {deployed.Count} deployments in it" : "")}"
        ).Delete(EntityKinds.Environment, name, expectedEpoch ?? environment.Epoch);
        foreach (var running in deployed)
        {
            transaction.Delete(EntityKinds.Api, running.Name, running.Epoch);
        }

        GuardDeployed(transaction, name, deployed);
        await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// The environments of those names; the transaction they are named in fails when one is gone by then. Throws
    /// <see cref="ProblemsException"/> that suggests the nearest name of one that there is not.
    /// </summary>
    /// <param name="names">The names.</param>
    /// <param name="pointer">Where they stand in the request.</param>
    /// <param name="transaction">What they are named in; null for a look.</param>
    /// <param name="cancellation">Gives up.</param>
    internal async Task<ImmutableArray<GatewayEnvironment>> EnsureKnownAsync(
        IEnumerable<string> names,
        string pointer,
        CatalogueTransaction? transaction,
        CancellationToken cancellation
    )
    {
        var found = ImmutableArray.CreateBuilder<GatewayEnvironment>();
        foreach (var name in names.Select(n => n ?? "").Distinct(StringComparer.Ordinal))
        {
            if (await FindAsync(name, cancellation).ConfigureAwait(false) is { } environment)
            {
                transaction?.Put(
                    EntityKinds.Environment,
                    name,
                    environment.Value,
                    ModelJson.Default.GatewayEnvironment,
                    environment.Epoch
                );
                found.Add(environment.Value);
            }
            else if (name == GatewayEnvironment.Default)
            {
                // It must not get hosts meanwhile.
                transaction?.Delete(EntityKinds.Environment, name, expectedEpoch: 0);
                found.Add(s_default);
            }
            else
            {
                throw new ProblemsException([await UnknownAsync(name, pointer, cancellation).ConfigureAwait(false)]);
            }
        }

        return found.ToImmutable();
    }

    private static readonly GatewayEnvironment s_default = new() { Name = GatewayEnvironment.Default };

    private async Task<Problem> UnknownAsync(string name, string pointer, CancellationToken cancellation)
    {
        var known = (await catalogue.ListNamesAsync(EntityKinds.Environment, cancellation).ConfigureAwait(false))
            .Append(GatewayEnvironment.Default)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .ToList();
        return new(
            pointer,
            $"There is no environment '{Excerpt.Of(name)}'",
            NearestName.Of(Excerpt.Of(name), known) is { } nearest
                ? $"did you mean '{nearest}'?"
                : $"use {string.Join(", ", known)}, or have an operator make it: gatehouse environment create {(GatewayEnvironment.IsName(name) ? name : "NAME")}"
        );
    }

    private static ImmutableArray<Problem> Check(GatewayEnvironment environment)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        if (!GatewayEnvironment.IsName(environment.Name))
        {
            problems.Add(
                new(
                    "/name",
                    $"'{Excerpt.Of(environment.Name)}' cannot be the name of an environment",
                    $"use 1 to {GatewayEnvironment.LongestName} lower-case letters, digits and dashes, beginning and ending with a letter or digit"
                )
            );
        }

        if (environment.Description is { Length: > 500 })
        {
            problems.Add(new("/description", "A description has at most 500 characters", "shorten it"));
        }

        if (environment.Hosts.Length > GatewayEnvironment.MostHosts)
        {
            problems.Add(
                new("/hosts", $"An environment has at most {GatewayEnvironment.MostHosts} hosts", "leave some out")
            );
        }

        for (var i = 0; i < environment.Hosts.Length; i++)
        {
            if (!HostPort.IsHost(environment.Hosts[i]))
            {
                problems.Add(
                    new(
                        $"/hosts/{i}",
                        $"'{Excerpt.Of(environment.Hosts[i])}' is no host name",
                        "write a name such as staging.example.com, without scheme and port"
                    )
                );
            }
        }

        return problems.ToImmutable();
    }

    // A host leads to one place: the console's names and those of other environments are taken.
    private async Task EnsureFreeAsync(
        GatewayEnvironment environment,
        ImmutableArray<StoredEntity<GatewayEnvironment>> all,
        CancellationToken cancellation
    )
    {
        var management =
            (
                await catalogue
                    .FindAsync(EntityKinds.Hosts, "default", ModelJson.Default.PublicHosts, cancellation)
                    .ConfigureAwait(false)
            )
                ?.Value
                .Management
            ?? [];
        foreach (var host in environment.Hosts)
        {
            if (all.FirstOrDefault(e => e.Name != environment.Name && e.Value.Hosts.Contains(host)) is { } other)
            {
                throw new ConflictException(
                    $"{host} is a host of environment {other.Name}",
                    "a host leads to one environment; choose another, or take it from that one first"
                );
            }

            if (management.Contains(host, StringComparer.OrdinalIgnoreCase))
            {
                throw new ConflictException($"{host} is the console's name", "choose another host");
            }
        }
    }

    private Task<StoredEntity<GatewayEnvironment>?> FindAsync(string name, CancellationToken cancellation) =>
        catalogue.FindAsync(EntityKinds.Environment, name, ModelJson.Default.GatewayEnvironment, cancellation);

    // One that is deployed between the look and the commit would keep old hosts, or outlive its environment.
    private static void GuardDeployed(
        CatalogueTransaction transaction,
        string environment,
        IReadOnlyList<StoredEntity<Api>> deployed
    ) =>
        transaction.Also(
            async (context, ct) =>
            {
                var names = await context
                    .Entities.AsNoTracking()
                    .Where(e => e.Kind == EntityKinds.Api && !e.Deleted)
                    .Select(e => e.Name)
                    .ToListAsync(ct)
                    .ConfigureAwait(false);
                if (
                    names
                        .Where(n => DeploymentName.Parse(n).Environment == environment)
                        .Except(deployed.Select(d => d.Name))
                        .FirstOrDefault() is
                    { } late
                )
                {
                    throw new ConflictException($"{late} was deployed this moment", "do it again");
                }
            }
        );

    private async Task<IReadOnlyList<StoredEntity<Api>>> DeployedInAsync(
        string environment,
        CancellationToken cancellation
    ) =>
        [
            .. (
                await catalogue.ListAsync(EntityKinds.Api, ModelJson.Default.Api, cancellation).ConfigureAwait(false)
            ).Where(a => DeploymentName.Parse(a.Name).Environment == environment),
        ];

    private async Task<IReadOnlyList<Node>> NodesAsync(CancellationToken cancellation) =>
        [
            .. (await catalogue.ListAsync(EntityKinds.Node, ModelJson.Default.Node, cancellation).ConfigureAwait(false))
                .Select(n => n.Value)
                .Where(n => n.Profile.IsWorker()),
        ];

    private static string Some(IReadOnlyList<string> names, string word)
    {
        const int Shown = 5;
        var more = names.Count > Shown ? $" and {names.Count - Shown} more" : "";
        return $"{word} {string.Join(", ", names.Take(Shown))}{more}";
    }
}

/// <summary>An environment and what is in it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it is for.</param>
/// <param name="Hosts">Host names its deployments answer on; empty for any.</param>
/// <param name="Deployments">How many APIs are deployed there.</param>
/// <param name="Workers">The registered workers that serve it.</param>
public sealed record EnvironmentView(
    string Name,
    string? Description,
    ImmutableArray<string> Hosts,
    int Deployments,
    ImmutableArray<string> Workers
);
