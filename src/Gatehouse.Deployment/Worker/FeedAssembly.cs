using System.Collections.Immutable;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>Something a receiver may act upon: whole and checked.</summary>
internal abstract record Arrival
{
    /// <summary>The changes that became visible together.</summary>
    public sealed record Transaction(CatalogueHead Head, List<EntityChange> Changes) : Arrival;

    /// <summary>Everything there is, its footer verified.</summary>
    public sealed record Scan(CatalogueHead Head, List<EntityChange> Changes) : Arrival
    {
        /// <summary>Whose deployments it holds.</summary>
        public ImmutableArray<string> Environments { get; init; } = [GatewayEnvironment.Default];
    }

    /// <summary>Where the head is.</summary>
    public sealed record Beat(SignedHeartbeat Heartbeat) : Arrival;
}

/// <summary>
/// Puts the messages of one stream together. Only a transaction with its end, or a scan with its footer, comes out; what the
/// stream did not finish never does.
/// </summary>
/// <param name="cursor">Where the receiver stands; null when it asked for a scan.</param>
/// <param name="asked">Whose deployments it asked for; empty for all that it was let in for.</param>
internal sealed class FeedAssembly(CatalogueHead? cursor, IReadOnlyList<string> asked)
{
    /// <summary>More than this in one piece is no table of ours.</summary>
    internal const long MostBytes = 1L << 31;

    private CatalogueHead? _position = cursor;
    private Reset? _scanning;
    private List<EntityChange> _pending = [];
    private long _pendingBytes;

    /// <summary>Takes the next message. Null when nothing came to an end with it. Throws <see cref="FeedViolationException"/>.</summary>
    public Arrival? Take(FeedMessage message)
    {
        switch (message.KindCase)
        {
            case FeedMessage.KindOneofCase.Reset:
                _scanning = message.Reset;
                CheckEnvironments(message.Reset);
                Clear();
                return null;
            case FeedMessage.KindOneofCase.Change:
                Add(WireForm.Read(message.Change));
                return null;
            case FeedMessage.KindOneofCase.End:
                return End(WireForm.Read(message.End.Cursor, "end of a transaction"));
            case FeedMessage.KindOneofCase.Footer:
                return End(message.Footer, WireForm.Read(message.Footer.Cursor, "footer of a scan"));
            case FeedMessage.KindOneofCase.Heartbeat:
                var heartbeat = WireForm.Read(message.Heartbeat);
                RefuseOlder(heartbeat.Head);
                return new Arrival.Beat(heartbeat);
            default:
                // A kind of message that only a newer manager knows says nothing that we may not ignore.
                return null;
        }
    }

    private void Add(EntityChange change)
    {
        if (_scanning is null && _position is null)
        {
            throw new FeedViolationException("Changes came before the reset that was asked for.");
        }

        var before =
            _pending.Count > 0 ? _pending[^1].Epoch
            : _scanning is null ? _position!.Epoch
            : 0;
        if (change.Epoch <= before)
        {
            throw new FeedViolationException(
                $"{change.Kind} {change.Name} came with epoch {change.Epoch} after epoch {before}; an older epoch is never applied."
            );
        }

        if (_scanning is not null && change.Deleted)
        {
            throw new FeedViolationException($"The scan holds a deleted entity, {change.Kind} {change.Name}.");
        }

        if (asked.Count > 0 && change.Kind == EntityKinds.Api)
        {
            var environment = DeploymentName.Parse(change.Name).Environment;
            if (!asked.Contains(environment))
            {
                throw new FeedViolationException(
                    $"{change.Kind} {change.Name} came and this node serves {string.Join(", ", asked)}; is the sender of a build without environments?"
                );
            }
        }

        _pendingBytes += change.Payload.Length + 512;
        if (_pendingBytes > MostBytes)
        {
            throw new FeedViolationException($"More than {MostBytes} bytes came without an end.");
        }

        _pending.Add(change);
    }

    private Arrival.Transaction End(CatalogueHead head)
    {
        if (_scanning is not null || _position is null)
        {
            throw new FeedViolationException("The end of a transaction came within a scan.");
        }

        if (head.History != _position.History)
        {
            throw new FeedViolationException(
                $"A transaction of history {head.History} came without a reset; this node is at {_position.History}."
            );
        }

        if (head.Epoch <= _position.Epoch || (_pending.Count > 0 && head.Epoch < _pending[^1].Epoch))
        {
            throw new FeedViolationException(
                $"A transaction ended at epoch {head.Epoch}, which is not newer than what came before it."
            );
        }

        var arrival = new Arrival.Transaction(head, _pending);
        _position = head;
        Clear();
        return arrival;
    }

    private Arrival.Scan End(ScanFooter footer, CatalogueHead head)
    {
        if (_scanning is not { } reset)
        {
            throw new FeedViolationException("A footer came without a scan.");
        }

        if (head.History != reset.History || (_pending.Count > 0 && head.Epoch < _pending[^1].Epoch))
        {
            throw new FeedViolationException("The footer does not belong to the scan it ends.");
        }

        if (footer.Count != _pending.Count)
        {
            throw new FeedViolationException(
                $"The scan should have {footer.Count} entities and has {_pending.Count}; nothing of it is used."
            );
        }

        if (!footer.Digest.Span.SequenceEqual(WireForm.DigestOf(_pending).ToArray()))
        {
            throw new FeedViolationException("The scan does not have the digest in its footer; nothing of it is used.");
        }

        RefuseOlder(head);
        var arrival = new Arrival.Scan(head, _pending);
        if (reset.Environments.Count > 0)
        {
            arrival = arrival with { Environments = [.. reset.Environments] };
        }

        _position = head;
        _scanning = null;
        Clear();
        return arrival;
    }

    // A manager of a build without environments sends the deployments of the default one, whatever it is asked for.
    private void CheckEnvironments(Reset reset)
    {
        IReadOnlyList<string> sent = reset.Environments.Count > 0 ? reset.Environments : [GatewayEnvironment.Default];
        if (asked.Count > 0 && !sent.ToHashSet(StringComparer.Ordinal).SetEquals(asked))
        {
            throw new FeedViolationException(
                $"It sends what {string.Join(", ", sent)} needs and this node serves {string.Join(", ", asked)}; is it of a build without environments?"
            );
        }
    }

    private void RefuseOlder(CatalogueHead head)
    {
        if (_position is { } own && own.History == head.History && head.Epoch < own.Epoch)
        {
            throw new FeedViolationException(
                $"The manager is at epoch {head.Epoch} of history {head.History} and this node at {own.Epoch}: an older state "
                    + "is never applied. A catalogue put back from a copy has to begin a new history (gatehouse setup --new-history, on the manager)."
            );
        }
    }

    private void Clear()
    {
        _pending = [];
        _pendingBytes = 0;
    }
}
