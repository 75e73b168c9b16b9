using System.Collections.Immutable;
using System.Threading.Channels;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Worker;

/// <summary>
/// Keeps a node's table what the catalogue says. Starts from the node's own store, then follows one manager at a time: digest
/// verified → compiled → on disk → served → reported, in this order always.
/// </summary>
public sealed partial class Synchronizer
{
    private readonly TableApplier _table;
    private readonly SynchronizerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Reporter _reporter;
    private readonly WorkerStore _store;
    private readonly Latest<SyncStatus> _status;
    private DateTimeOffset _heardAt;

    /// <param name="store">The node's store, as <see cref="WorkerStore.OpenAsync"/> opened it.</param>
    /// <param name="target">What runs the entities.</param>
    /// <param name="options">Whom to ask, how long to wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what the operator wants to know.</param>
    public Synchronizer(
        WorkerStore store,
        IEntityTarget target,
        SynchronizerOptions options,
        TimeProvider time,
        ILogger<Synchronizer> logger
    )
    {
        _store = store;
        _options = options;
        _time = time;
        _logger = logger;
        _heardAt = time.GetUtcNow();
        _status = new(new() { Since = _heardAt });
        _table = new(store, target, EntityKinds.For(options.Profile), options, time, _status, logger);
        _reporter = new(_status, options, time, logger);
    }

    /// <summary>What the node knows about its own table.</summary>
    public Latest<SyncStatus> Status => _status;

    /// <summary>
    /// Serves what the store held; refused changes are tried again, since this may be a newer build. Call once, before
    /// <see cref="RunAsync"/>. When it returns, <see cref="SyncStatus.HasTable"/> says whether there is anything.
    /// </summary>
    public Task ServeStoredAsync(StoredTable table) => _table.ServeStoredAsync(table);

    /// <summary>Follows managers, one after another, until cancelled. Does not throw but for cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var backoff = new Backoff(_options.ShortestPause, _options.LongestPause, _options.Random);
        string? last = null;
        var triedInVain = 0;
        while (!cancellation.IsCancellationRequested)
        {
            var managers = _options.Managers.Value;
            if (managers.Count > 0)
            {
                last = Next(managers, last);
                if (
                    await (Holds ? HoldAsync(last, cancellation) : FollowAsync(last, cancellation)).ConfigureAwait(
                        false
                    )
                )
                {
                    backoff.Reset();
                    triedInVain = 0;
                }

                triedInVain++;
            }
            else
            {
                Change(s => s with { Trouble = "No manager's address is known." });
            }

            if (triedInVain < managers.Count)
            {
                continue;
            }

            triedInVain = 0;
            await AskPeersWhenDueAsync(cancellation).ConfigureAwait(false);
            await Task.Delay(backoff.Next(), _time, cancellation)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>The manager after the one just left; nodes that know the same managers begin at different ones.</summary>
    private string Next(IReadOnlyList<string> managers, string? last)
    {
        for (var i = 0; i < managers.Count; i++)
        {
            if (managers[i] == last)
            {
                return managers[(i + 1) % managers.Count];
            }
        }

        return managers[_options.Random.Next(managers.Count)];
    }

    /// <summary>Follows one manager until the stream ends. Returns whether it held for a while: a manager that fails at once is not asked again at once.</summary>
    private async Task<bool> FollowAsync(string manager, CancellationToken cancellation)
    {
        var answered = false;
        var began = _time.GetTimestamp();
        string reason;
        try
        {
            using var channel = _options.Connect(manager);
            var client = new Feed.FeedClient(channel);
            // What a peer lent may lack something without it showing, so a manager is asked for everything.
            var cursor = _store.Unverified ? null : _store.Cursor;
            using var session = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            using var stream = new ReceivingStream(client, cursor, _store.Environments, _options, _time, session.Token);
            var reporting = Task.CompletedTask;
            try
            {
                while (await stream.ReadAsync().ConfigureAwait(false) is { } arrivals)
                {
                    if (!answered)
                    {
                        answered = true;
                        LogFollowing(manager, cursor?.Epoch);
                        Change(s => s with { Manager = manager, Trouble = null });
                        reporting = _reporter.RunAsync(client, OnReply, session.Token);
                    }

                    _heardAt = _time.GetUtcNow();
                    foreach (var arrival in arrivals)
                    {
                        await _table.ApplyAsync(arrival, session.Token).ConfigureAwait(false);
                    }

                    if (Holds)
                    {
                        break; // the first table; no other is taken
                    }

                    Change(s => s.HasTable ? InState(s, SyncState.Serving, _heardAt) : s);
                }

                reason = "it ended the stream";
            }
            finally
            {
                await session.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(reporting, stream.Completion).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (Exception fault)
        {
            if (cancellation.IsCancellationRequested)
            {
                return true;
            }

            reason = Explain(fault);
            if (IsUnexpected(fault))
            {
                LogUnexpected(fault, manager);
            }
        }

        LogLeft(manager, reason);
        Change(s =>
            InState(
                s,
                Holds ? SyncState.Held
                    : s.HasTable ? SyncState.Stale
                    : SyncState.Starting,
                _heardAt
            ) with
            {
                Manager = null,
                Trouble = $"{manager}: {reason}",
            }
        );
        return answered && _time.GetElapsedTime(began) >= _options.Silence;
    }

    // What a peer lent is nobody's word yet: a manager's table comes first.
    private bool Holds => _options.Hold && _status.Value is { HasTable: true, Unverified: false };

    /// <summary>Reports to one manager until it takes no more reports, and takes nothing from it.</summary>
    private async Task<bool> HoldAsync(string manager, CancellationToken cancellation)
    {
        Change(s => InState(s, SyncState.Held, _time.GetUtcNow()));
        var began = _time.GetTimestamp();
        using var channel = _options.Connect(manager);
        using var session = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reporting = _reporter.RunAsync(
            new(channel),
            reply =>
            {
                _heardAt = _time.GetUtcNow();
                Change(s => s.Manager == manager ? s : s with { Manager = manager, Trouble = null });
                OnReply(reply);
            },
            session.Token,
            endsWhenRefused: true
        );
        await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Change(s => s with { Manager = null });
        return _time.GetElapsedTime(began) >= _options.Silence;
    }

    private async Task AskPeersWhenDueAsync(CancellationToken cancellation)
    {
        if (
            _options.CatalogueKey is not { } key
            || _status.Value.HasTable
            || _time.GetUtcNow() - _heardAt < _options.PeerAfter
        )
        {
            return;
        }

        foreach (var peer in _options.Peers.Value.OrderBy(_ => _options.Random.Next()))
        {
            if (cancellation.IsCancellationRequested)
            {
                return;
            }

            try
            {
                var loan = await PeerLoan.TakeAsync(peer, key, _options, _time, cancellation).ConfigureAwait(false);
                await _table.ApplyLoanAsync(loan, cancellation).ConfigureAwait(false);
                LogLent(peer, loan.Scan.Head.Epoch, loan.Heartbeat.IssuedAt);
                Change(s => InState(s, SyncState.Stale, loan.Heartbeat.IssuedAt));
                return;
            }
            catch (Exception fault) when (!cancellation.IsCancellationRequested)
            {
                LogNotLent(peer, Explain(fault));
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void OnReply(ReportReply reply)
    {
        _options.Learn(reply);
        Change(s => s.Draining == reply.Draining ? s : s with { Draining = reply.Draining });
    }

    private void Change(Func<SyncStatus, SyncStatus> change) => _status.Change(change);

    private static SyncStatus InState(SyncStatus status, SyncState state, DateTimeOffset since) =>
        status.State == state ? status : status with { State = state, Since = since };

    private static string Explain(Exception fault) =>
        fault switch
        {
            RpcException rpc => $"{rpc.Status.Detail} ({rpc.StatusCode})",
            OperationCanceledException => "the stream was cut",
            _ => fault.Message,
        };

    private static bool IsUnexpected(Exception fault) =>
        fault
            is not (
                RpcException
                or FeedViolationException
                or TimeoutException
                or StoreException
                or OperationCanceledException
                or IOException
                or HttpRequestException
            );

    [LoggerMessage(Level = LogLevel.Information, Message = "Following the manager at {Manager} from epoch {Epoch}")]
    private partial void LogFollowing(string manager, long? epoch);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Left the manager at {Manager}: {Reason}. What is applied is served on; another manager is asked"
    )]
    private partial void LogLeft(string manager, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Following the manager at {Manager} failed")]
    private partial void LogUnexpected(Exception fault, string manager);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "No manager answers; serving epoch {Epoch} lent by {Peer}, last confirmed by a manager at {IssuedAt}. Freshness unverified"
    )]
    private partial void LogLent(string peer, long epoch, DateTimeOffset issuedAt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The worker at {Peer} lends nothing: {Reason}")]
    private partial void LogNotLent(string peer, string reason);
}
