using System.Globalization;
using Gatehouse.Deployment.Manager;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Worker;

/// <summary>A table taken from another worker while no manager answers: every row and its age vouched for by a manager's signature.</summary>
/// <param name="Scan">The table.</param>
/// <param name="Heartbeat">The newest that a manager signed of a head this table holds.</param>
internal sealed record PeerLoan(Arrival.Scan Scan, SignedHeartbeat Heartbeat)
{
    private static readonly TimeSpan s_clockSkew = TimeSpan.FromMinutes(5);

    /// <summary>Asks <paramref name="peer"/>. Throws <see cref="FeedViolationException"/> when what it lends is not vouched for.</summary>
    public static async Task<PeerLoan> TakeAsync(
        string peer,
        CatalogueVerifier key,
        SynchronizerOptions options,
        TimeProvider time,
        CancellationToken cancellation
    )
    {
        using var channel = options.Connect(peer);
        using var session = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var stream = new ReceivingStream(new(channel), null, [], options, time, session.Token);
        try
        {
            SignedHeartbeat? heartbeat = null;
            while (await stream.ReadAsync().ConfigureAwait(false) is { } arrivals)
            {
                foreach (var arrival in arrivals)
                {
                    switch (arrival)
                    {
                        case Arrival.Beat beat:
                            heartbeat = beat.Heartbeat;
                            break;
                        case Arrival.Scan scan:
                            // Off this thread: thousands of signatures take a second.
                            await Task.Run(() => Verify(scan, heartbeat, key, options, time), cancellation)
                                .ConfigureAwait(false);
                            return new(scan, heartbeat!);
                    }
                }
            }

            throw new FeedViolationException("it ended the stream before its table was whole");
        }
        finally
        {
            await session.CancelAsync().ConfigureAwait(false);
            await stream.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static void Verify(
        Arrival.Scan scan,
        SignedHeartbeat? heartbeat,
        CatalogueVerifier key,
        SynchronizerOptions options,
        TimeProvider time
    )
    {
        if (heartbeat is null || !key.Verify(heartbeat))
        {
            throw new FeedViolationException("no manager vouched for its table");
        }

        // The head at that time is part of the table: the table was complete then.
        if (heartbeat.Head.History != scan.Head.History || heartbeat.Head.Epoch > scan.Head.Epoch)
        {
            throw new FeedViolationException("what a manager vouched for is newer than its table");
        }

        var age = time.GetUtcNow() - heartbeat.IssuedAt;
        if (age > options.PeerAgeLimit || age < -s_clockSkew)
        {
            throw new FeedViolationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"a manager last vouched for its table at {heartbeat.IssuedAt:u}, which is {age.TotalHours:0.0} h ago; the limit is {options.PeerAgeLimit.TotalHours:0.0} h"
                )
            );
        }

        foreach (var change in scan.Changes)
        {
            if (!key.Verify(change, scan.Head.History))
            {
                throw new FeedViolationException(
                    $"{change.Kind} {change.Name} at epoch {change.Epoch} was not signed by a manager of this cluster"
                );
            }
        }
    }
}
