using System.Collections.Immutable;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Manager;

/// <summary>
/// Serves the feed: on a manager from its catalogue, on a worker from its store for peers. A stream holds one batch at a
/// time and waits for its own receiver only.
/// </summary>
/// <param name="source">What is served.</param>
/// <param name="scans">Shared by all streams of the process.</param>
/// <param name="options">Times and bounds.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For streams that begin, reset and end.</param>
/// <param name="reports">Takes the reports; null on a peer, which takes none.</param>
public sealed partial class FeedService(
    IFeedSource source,
    SharedScans scans,
    FeedOptions options,
    TimeProvider time,
    ILogger<FeedService> logger,
    IReportSink? reports = null
) : Feed.FeedBase
{
    /// <inheritdoc/>
    public override async Task Follow(
        FollowRequest request,
        IServerStreamWriter<FeedMessage> responseStream,
        ServerCallContext context
    )
    {
        var peer = PeerOf(context);
        if (EntityKinds.For(peer.Profile).Count == 0)
        {
            throw new RpcException(
                new(
                    StatusCode.PermissionDenied,
                    $"A node of profile {peer.Profile.Name()} reads the catalogue itself and follows no feed."
                )
            );
        }

        if (request.Format < WireForm.Format)
        {
            throw new RpcException(
                new(
                    StatusCode.FailedPrecondition,
                    $"{peer.Node} reads feed format {request.Format}, this manager writes {WireForm.Format}; upgrade {peer.Node}."
                )
            );
        }

        var stream = new FeedStream(this, responseStream, request, peer, context.CancellationToken);

        // What is written to a node proves nothing: a frozen one and a cut line take bytes for seconds. Only what comes does.
        reports?.Seen(peer);
        LogFollows(peer.Node, peer.Profile.Name(), request.Cursor?.Epoch, request.Version);
        try
        {
            await stream.RunAsync(WireForm.TryRead(request.Cursor)).ConfigureAwait(false);
        }
        catch (FeedUnavailableException unavailable)
        {
            throw new RpcException(new(StatusCode.Unavailable, unavailable.Message));
        }
        catch (OperationCanceledException) when (stream.IsTooSlow)
        {
            LogDropped(peer.Node, options.WriteTimeout);
            throw new RpcException(
                new(StatusCode.DeadlineExceeded, $"{peer.Node} took nothing for {options.WriteTimeout}.")
            );
        }
        catch (OperationCanceledException) when (context.CancellationToken.IsCancellationRequested)
        {
            LogEnded(peer.Node);
        }
        catch (Exception fault) when (fault is not RpcException && !context.CancellationToken.IsCancellationRequested)
        {
            LogFailed(fault, peer.Node);
            throw new RpcException(new(StatusCode.Unavailable, "The catalogue cannot be read at the moment."));
        }
        finally
        {
            stream.Dispose();
        }
    }

    /// <inheritdoc/>
    public override async Task<ReportReply> Report(NodeReport request, ServerCallContext context)
    {
        var peer = PeerOf(context);
        if (reports is null)
        {
            throw new RpcException(new(StatusCode.Unimplemented, "This node is no manager and takes no reports."));
        }

        return await reports.RecordAsync(peer, request, context.CancellationToken).ConfigureAwait(false);
    }

    private static PeerIdentity PeerOf(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<PeerIdentity>()
        ?? throw new RpcException(
            new(StatusCode.Unauthenticated, "The connection carries no node certificate of this cluster.")
        );

    /// <summary>One receiver's stream: where it stands, and what is owed to it.</summary>
    private sealed class FeedStream : IDisposable
    {
        private readonly FeedService _feed;
        private readonly IServerStreamWriter<FeedMessage> _messages;
        private readonly FollowRequest _request;
        private readonly PeerIdentity _peer;
        private readonly CancellationTokenSource _writing;
        private readonly CancellationTokenSource _ending;
        private FeedScope _scope;
        private ImmutableSortedSet<string> _held;
        private long _heartbeatAt;

        public FeedStream(
            FeedService feed,
            IServerStreamWriter<FeedMessage> messages,
            FollowRequest request,
            PeerIdentity peer,
            CancellationToken gone
        )
        {
            _feed = feed;
            _messages = messages;
            _request = request;
            _peer = peer;
            _scope = FeedScope.Of(peer.Profile, []);
            // A build without environments was sent those of the default one.
            _held = [.. request.Held.Count > 0 ? request.Held : [GatewayEnvironment.Default]];
            _writing = new(Timeout.InfiniteTimeSpan, feed.Time);
            _ending = CancellationTokenSource.CreateLinkedTokenSource(gone, _writing.Token);
        }

        public bool IsTooSlow => _writing.IsCancellationRequested;

        public async Task RunAsync(CatalogueHead? cursor)
        {
            // 1. What it is sent.  2. Say where the head is.  3. Decide whether the cursor is of use; if not, reset and scan.
            // 4. Send what came after it.  5. Nothing new: wait.
            _scope = await ReadScopeAsync().ConfigureAwait(false);
            var position = cursor;
            while (true)
            {
                var head = await _feed.Source.ReadHeadAsync(_ending.Token).ConfigureAwait(false);
                await HeartbeatWhenDueAsync(head).ConfigureAwait(false);

                if (await ResetReasonAsync(position, head).ConfigureAwait(false) is { } reason)
                {
                    position = await ScanAsync(position, head, reason).ConfigureAwait(false);
                }
                else if (
                    head.Epoch > position!.Epoch
                    && await SendAfterAsync(position).ConfigureAwait(false) is { } reached
                )
                {
                    position = reached;
                }
                else
                {
                    await _feed.Source.WaitForNewerAsync(head, _ending.Token).ConfigureAwait(false);
                }
            }
        }

        public void Dispose()
        {
            _ending.Dispose();
            _writing.Dispose();
        }

        private async Task<string?> ResetReasonAsync(CatalogueHead? position, CatalogueHead head)
        {
            if (position is null)
            {
                return "it has no cursor";
            }

            if (!_scope.Environments.IsEmpty && !_scope.Environments.SetEquals(_held))
            {
                return $"it serves {Words(_scope.Environments)} and holds what {Words(_held)} needs";
            }

            if (position.History != head.History)
            {
                return $"the catalogue's history is {head.History}, not {position.History}";
            }

            if (position.Epoch > head.Epoch)
            {
                return $"the newest epoch of the catalogue is {head.Epoch}, not {position.Epoch}";
            }

            var chain =
                position.Epoch == head.Epoch
                    ? head.Chain
                    : await _feed.Source.ReadChainAsync(position.Epoch, _ending.Token).ConfigureAwait(false);
            return chain switch
            {
                null => $"deletions after epoch {position.Epoch} are not kept any more",
                { } own when own != position.Chain => $"the catalogue holds other changes up to epoch {position.Epoch}",
                _ => null,
            };
        }

        private async Task<CatalogueHead> ScanAsync(CatalogueHead? position, CatalogueHead head, string reason)
        {
            _feed.LogReset(_peer.Node, reason);
            var scan = await TakeScanAsync(head).ConfigureAwait(false);
            await WriteAsync(
                    new()
                    {
                        Reset = new Reset
                        {
                            Reason = reason,
                            History = scan.Head.History,
                            Environments = { _scope.Environments },
                        },
                    },
                    scan.Head
                )
                .ConfigureAwait(false);
            foreach (var change in scan.Changes)
            {
                await WriteAsync(WireForm.Write(change), scan.Head).ConfigureAwait(false);
            }

            await WriteAsync(WireForm.WriteFooter(scan), scan.Head).ConfigureAwait(false);
            _held = _scope.Environments;
            return scan.Head;
        }

        /// <summary>Null when nothing was sent: the catalogue turned into another one while it was read, or has no whole transaction yet.</summary>
        private async Task<CatalogueHead?> SendAfterAsync(CatalogueHead position)
        {
            var transactions = await _feed
                .Source.ReadAfterAsync(position.Epoch, _scope, _feed.Options.BatchSize, _ending.Token)
                .ConfigureAwait(false);

            // Asked after the read: the floor of tombstones only rises, so what was read lacked none.
            var chain = await _feed.Source.ReadChainAsync(position.Epoch, _ending.Token).ConfigureAwait(false);
            if (
                chain != position.Chain
                || transactions.IsEmpty
                || transactions.Any(t => t.Head.History != position.History)
            )
            {
                return null;
            }

            if (transactions.Any(t => t.Changes.Any(IsItself)))
            {
                var scope = await ReadScopeAsync().ConfigureAwait(false);
                if (!scope.Equals(_scope))
                {
                    // It was let in for other environments: what was read is not what it may have.
                    _scope = scope;
                    return null;
                }
            }

            foreach (var transaction in transactions)
            {
                foreach (var change in transaction.Changes)
                {
                    await WriteAsync(WireForm.Write(change), transaction.Head).ConfigureAwait(false);
                }

                await WriteAsync(WireForm.WriteEnd(transaction.Head), transaction.Head).ConfigureAwait(false);
                position = transaction.Head;
            }

            return position;
        }

        // What a scan holds does not come again: what the node may have is looked at once more after it was read.
        private async Task<FeedScan> TakeScanAsync(CatalogueHead head)
        {
            while (true)
            {
                var scan = await _feed.Scans.TakeAsync(_feed.Source, _scope, head, _ending.Token).ConfigureAwait(false);
                var scope = await ReadScopeAsync().ConfigureAwait(false);
                if (scope.Equals(_scope))
                {
                    return scan;
                }

                _scope = scope;
            }
        }

        // What it asks for must be among what it was let in for: a certificate says who a node is, not what it may serve.
        private async Task<FeedScope> ReadScopeAsync()
        {
            var name = _peer.Node;
            var node =
                await _feed.Source.FindNodeAsync(name, _ending.Token).ConfigureAwait(false)
                ?? await UnregisteredAsync(name).ConfigureAwait(false);
            var refused = _request.Environments.Where(e => !node.MayServe(e)).ToList();
            if (refused.Count > 0)
            {
                _feed.LogNotLetInFor(name, Words(refused), Words(node.Environments));
                throw new RpcException(
                    new(
                        StatusCode.PermissionDenied,
                        $"{name} asks for {Words(refused)} and was let in for {Words(node.Environments)}; mend 'node.environments' "
                            + $"in its gatehouse.yaml, or let it in: gatehouse node environments {name} {string.Join(' ', node.Environments.Union(refused))}"
                    )
                );
            }

            return FeedScope.Of(node with { Asked = [.. _request.Environments] });
        }

        private bool IsItself(EntityChange change) =>
            change is { Kind: EntityKinds.Node, Deleted: false } && change.Name == _peer.Node;

        // After a restore, one that joined later than the backup; at a peer, one that the peer does not know yet. Where there is
        // one environment, there is nothing to ask.
        private async Task<Node> UnregisteredAsync(string name)
        {
            if (
                _peer.Profile == Profile.GatewayWorker
                && await _feed.Source.HasEnvironmentsAsync(_ending.Token).ConfigureAwait(false)
            )
            {
                throw new RpcException(
                    new(
                        StatusCode.PermissionDenied,
                        $"{name} is not registered, so nobody knows which environments it was let in for; let it join again: "
                            + $"gatehouse token create --profile {_peer.Profile.Name()} --name {name} --environment …"
                    )
                );
            }

            return new()
            {
                Name = name,
                Profile = _peer.Profile,
                SubDomain = "",
                Host = "",
                InternalPort = 0,
            };
        }

        private static string Words(IEnumerable<string> environments) =>
            string.Join(", ", environments.Select(e => $"'{e}'"));

        private async Task WriteAsync(FeedMessage message, CatalogueHead head)
        {
            _writing.CancelAfter(_feed.Options.WriteTimeout);
            await _messages.WriteAsync(message, _ending.Token).ConfigureAwait(false);
            _writing.CancelAfter(Timeout.InfiniteTimeSpan);
            if (message.KindCase is FeedMessage.KindOneofCase.Change)
            {
                await HeartbeatWhenDueAsync(head).ConfigureAwait(false);
            }
        }

        private async Task HeartbeatWhenDueAsync(CatalogueHead head)
        {
            if (_heartbeatAt != 0 && _feed.Time.GetElapsedTime(_heartbeatAt) < _feed.Options.Heartbeat)
            {
                return;
            }

            _heartbeatAt = _feed.Time.GetTimestamp();
            await WriteAsync(WireForm.Write(_feed.Source.SignHeartbeat(head)), head).ConfigureAwait(false);
        }
    }

    private IFeedSource Source => source;

    private SharedScans Scans => scans;

    private FeedOptions Options => options;

    private TimeProvider Time => time;

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Node} ({Profile}, {Version}) follows the feed from epoch {Epoch}"
    )]
    private partial void LogFollows(string node, string profile, long? epoch, string version);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Node} asks for environment {Asked} and was let in for {Environments}; it is sent nothing"
    )]
    private partial void LogNotLetInFor(string node, string asked, string environments);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Node} reads everything again: {Reason}")]
    private partial void LogReset(string node, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Node} took nothing of the feed for {Timeout} and was dropped")]
    private partial void LogDropped(string node, TimeSpan timeout);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Node} left the feed")]
    private partial void LogEnded(string node);

    [LoggerMessage(Level = LogLevel.Error, Message = "The feed of {Node} ended: the catalogue cannot be read")]
    private partial void LogFailed(Exception fault, string node);
}
