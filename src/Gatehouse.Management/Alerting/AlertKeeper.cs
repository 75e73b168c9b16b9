using System.Security.Cryptography;
using System.Text;
using Gatehouse.Model;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>
/// Looks every few seconds whether rules have something to tell, and tells it once: what was told is an entity, and of several
/// managers the one that writes it tells.
/// </summary>
internal sealed partial class AlertKeeper(
    Catalogue catalogue,
    AlertConditions conditions,
    Notifier notifier,
    ILogger<AlertKeeper> logger
) : BackgroundService
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);
    private static readonly Actor s_actor = Actor.System;

    /// <summary>Looks once. What became wrong is told, and what is over.</summary>
    public async Task LookAsync(CancellationToken cancellation)
    {
        var rules = (
            await catalogue
                .ListAsync(EntityKinds.AlertRule, ManagerJson.Default.AlertRule, cancellation)
                .ConfigureAwait(false)
        )
            .Select(r => r.Value)
            .Where(r => !r.Muted)
            .ToList();
        var raised = (
            await catalogue
                .ListAsync(EntityKinds.RaisedAlert, ManagerJson.Default.RaisedAlert, cancellation)
                .ConfigureAwait(false)
        ).ToDictionary(r => r.Name);
        if (rules.Count == 0 && raised.Count == 0)
        {
            return;
        }

        var now = catalogue.Time.GetUtcNow();
        foreach (var (rule, key, message) in await conditions.OfAsync(rules, cancellation).ConfigureAwait(false))
        {
            var name = NameOf(rule.Name, key);
            if (raised.Remove(name))
            {
                continue;
            }

            var alert = new RaisedAlert(rule.Name, key, message, now);
            var transaction = new CatalogueTransaction(s_actor, $"alert {rule.Name}: {key}").Put(
                EntityKinds.RaisedAlert,
                name,
                alert,
                ManagerJson.Default.RaisedAlert,
                expectedEpoch: 0
            );
            if (await IsFirstAsync(transaction, cancellation).ConfigureAwait(false))
            {
                await notifier.TellAsync(rule, alert, isOver: false, cancellation).ConfigureAwait(false);
            }
        }

        foreach (var over in raised.Values)
        {
            var transaction = new CatalogueTransaction(s_actor, $"over: {over.Value.Rule}: {over.Value.Key}").Delete(
                EntityKinds.RaisedAlert,
                over.Name,
                over.Epoch
            );
            if (
                await IsFirstAsync(transaction, cancellation).ConfigureAwait(false)
                && rules.FirstOrDefault(r => r.Name == over.Value.Rule) is { } rule
            )
            {
                await notifier.TellAsync(rule, over.Value, isOver: true, cancellation).ConfigureAwait(false);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, catalogue.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                try
                {
                    await LookAsync(stoppingToken).ConfigureAwait(false);
                }
                catch (Exception e) when (!stoppingToken.IsCancellationRequested) // a rule must never end the manager
                {
                    LogFailed(e);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested) { }
    }

    private async Task<bool> IsFirstAsync(CatalogueTransaction transaction, CancellationToken cancellation)
    {
        try
        {
            await catalogue.CommitAsync(transaction, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (EntityConflictException)
        {
            return false;
        }
    }

    // What an alert is about may be long and hold anything.
    private static string NameOf(string rule, string key) =>
        $"{rule}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..16]}";

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Alert rules could not be looked at; they are again in a moment"
    )]
    private partial void LogFailed(Exception exception);
}
