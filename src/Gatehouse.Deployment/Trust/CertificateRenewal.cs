using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Renews the node's certificate at two thirds of its life, or when a manager says so, and tries on when no manager answers.
/// Handshakes take the new one from then on; connections that are open stay open.
/// </summary>
/// <param name="identity">This node.</param>
/// <param name="renew">Asks for a certificate: <see cref="OverChannel"/>, or the manager's own <see cref="EnrolmentService"/>.</param>
/// <param name="facts">What this node says about itself.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Failures, louder as the end comes near.</param>
public sealed partial class CertificateRenewal(
    NodeIdentity identity,
    Func<RenewRequest, CancellationToken, Task<JoinReply>> renew,
    Func<NodeFacts> facts,
    TimeProvider time,
    ILogger<CertificateRenewal> logger
)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromHours(1);

    // Timers cannot wait for weeks, and a wall clock that was set meanwhile is noticed.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromHours(1);

    private readonly Latest<Wanted> _wanted = new(new("", ""));

    /// <summary>Why the last try failed; null when it did not. For status and alerts.</summary>
    public string? Failure { get; private set; }

    /// <summary>
    /// Takes what a manager says the node's <see cref="NodeIdentity.Trust"/> is to be: another than it is makes a renewal due
    /// now. So does <paramref name="renewalOf"/> when the present certificate is among them: an operator wants another. Empty,
    /// from an older manager too, says nothing.
    /// </summary>
    /// <param name="trust">Whom to believe.</param>
    /// <param name="renewalOf">Serial numbers, spaces between.</param>
    public void Learn(string trust, string renewalOf = "") =>
        _wanted.Change(known =>
        {
            var wanted = new Wanted(
                trust.Length > 0 ? trust : known.Trust,
                renewalOf.Length > 0 ? renewalOf : known.RenewalOf
            );
            return wanted == known ? known : wanted;
        });

    /// <summary>Renews for ever, each time it is due or the cluster's authorities are others. Ends by cancellation only.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var failures = 0;
        var wanted = new Wanted("", "");
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            failures = _wanted.Value == wanted ? failures : 0;
            wanted = _wanted.Value;
            var due = identity.Certificate.RenewAt - time.GetUtcNow();
            var (isBehind, isAsked) = (IsBehind(wanted), IsAsked(wanted));
            if (due > TimeSpan.Zero && !isBehind && !isAsked)
            {
                failures = 0;
                await WaitAsync(due < s_longestWait ? due : s_longestWait, wanted, cancellation);
            }
            else if (
                !await RenewOnceAsync(cancellation, keeps: due > TimeSpan.Zero && !isAsked)
                || (isBehind && IsBehind(wanted))
            )
            {
                // In the second case a manager that has not heard of the stage yet, or of an older build, answered.
                var pause = Pause(failures++, Random.Shared.NextDouble());
                await WaitAsync(due > TimeSpan.Zero ? Soon(pause, failures) : pause, wanted, cancellation);
            }
        }
    }

    /// <summary>Renews now. False, with <see cref="Failure"/> and an alert in the log, when it failed; the present certificate stays in use.</summary>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="keeps">Only the authorities are wanted: the present certificate stays when the one that issues now issued it.</param>
    public async Task<bool> RenewOnceAsync(CancellationToken cancellation, bool keeps = false)
    {
        try
        {
            var request = new RenewRequest
            {
                CertificateRequest = ByteString.CopyFrom(identity.CreateRequest()),
                Facts = facts(),
                Keeps = keeps,
            };
            identity.Renew(await renew(request, cancellation));
            Failure = null;
            LogRenewed(
                identity.Node,
                identity.Certificate.Identity.SerialNumber,
                identity.Certificate.Ends,
                identity.Authorities.Count
            );
            return true;
        }
        catch (Exception e) when (e is RpcException or IOException or InvalidDataException or HttpRequestException)
        {
            cancellation.ThrowIfCancellationRequested();
            Failure = e is RpcException rpc ? Reason(rpc) : e.Message;
            Alert(Failure);
            return false;
        }
    }

    /// <summary>How long to wait after so many failures in a row: doubling from a minute to an hour, spread so that nodes do not ask at once.</summary>
    public static TimeSpan Pause(int failures, double chance)
    {
        var pause = s_firstPause * Math.Pow(2, Math.Min(failures, 6));
        return (pause < s_longestPause ? pause : s_longestPause) * (0.75 + (chance / 2));
    }

    // A stage of a rotation waits for this node: a second, two, four… until it is as long as for any other renewal.
    private static TimeSpan Soon(TimeSpan pause, int failures)
    {
        var soon = TimeSpan.FromSeconds(Math.Pow(2, Math.Min(failures, 16) - 1));
        return soon < pause ? soon : pause;
    }

    private bool IsBehind(Wanted wanted) => wanted.Trust.Length > 0 && wanted.Trust != identity.Trust;

    private bool IsAsked(Wanted wanted) =>
        wanted.RenewalOf.Split(' ').Contains(identity.Certificate.Identity.SerialNumber);

    // Until the time is over or a manager wants something else than it did.
    private async Task WaitAsync(TimeSpan atMost, Wanted wanted, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var over = Task.Delay(atMost, time, either.Token);
        var other = _wanted.WhenAsync(w => w != wanted, either.Token);
        await Task.WhenAny(over, other);
        await either.CancelAsync();
        await Task.WhenAll(over, other).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Asks the managers in turn, those that the node knows at that moment.</summary>
    public static Func<RenewRequest, CancellationToken, Task<JoinReply>> OverChannel(
        NodeIdentity identity,
        InternalChannel channels
    ) =>
        async (request, cancellation) =>
        {
            RpcException? last = null;
            foreach (var text in identity.Facts.Managers)
            {
                if (!HostPort.TryParse(text, out var manager))
                {
                    continue;
                }

                using var channel = channels.CreateGrpc(manager.Host, manager.Port, PeerExpectation.Manager);
                try
                {
                    return await new Enrolment.EnrolmentClient(channel).RenewAsync(
                        request,
                        deadline: DateTime.UtcNow.AddSeconds(15),
                        cancellationToken: cancellation
                    );
                }
                catch (RpcException e)
                {
                    last = e;
                }
            }

            throw last ?? new RpcException(new(StatusCode.Unavailable, "this node knows no manager's address"));
        };

    private static string Reason(RpcException e) =>
        PeerRefusedException.Find(e.Status.DebugException)?.Message ?? $"{e.StatusCode}: {e.Status.Detail}";

    private void Alert(string reason)
    {
        var ends = identity.Certificate.Ends;
        if (time.GetUtcNow() < ends)
        {
            LogFailed(identity.Node, ends, reason);
        }
        else
        {
            LogExpired(identity.Node, ends, reason);
        }
    }

    private sealed record Wanted(string Trust, string RenewalOf);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The certificate of {Node} was renewed: {Serial}, valid until {Ends:u}; it believes {Authorities} authority(ies)"
    )]
    private partial void LogRenewed(string node, string serial, DateTimeOffset ends, int authorities);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "ALERT: the certificate of {Node} is due for renewal but was not renewed; it ends at {Ends:u}: {Reason}. Tried again "
            + "within the hour"
    )]
    private partial void LogFailed(string node, DateTimeOffset ends, string reason);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "ALERT: the certificate of {Node} expired at {Ends:u} and cannot be renewed any more: {Reason}. API traffic goes on "
            + "for 90 days, changes do not arrive. Join the node again: remove its pki folder and use a new token"
    )]
    private partial void LogExpired(string node, DateTimeOffset ends, string reason);
}
