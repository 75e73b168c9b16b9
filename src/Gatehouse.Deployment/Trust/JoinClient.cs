using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Deployment.Internal;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// The joiner's side. In order: learn the authority from an address of the token, compare it with the token's pin, connect
/// again to a manager that this authority vouches for, and only then send the secret and a request for a key made here.
/// </summary>
public sealed partial class JoinClient(TimeProvider time, ILoggerFactory loggers)
{
    private const int MaxAuthorities = 64 << 10;

    private readonly ILogger _logger = loggers.CreateLogger<JoinClient>();

    /// <summary>How long one address may take to say which authority it has, and to be connected to.</summary>
    public TimeSpan AddressTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long a manager may take to answer.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The identity in <paramref name="dataDirectory"/>, or a new one for <paramref name="token"/>. An identity that is there
    /// wins: the same command restarts a node. A manager gets the cluster key as well. Throws <see cref="JoinException"/>; then
    /// it may be called again with the same token.
    /// </summary>
    public async Task<NodeIdentity> JoinAsync(
        string dataDirectory,
        JoinToken token,
        NodeFacts facts,
        string version,
        CancellationToken cancellation
    )
    {
        var identity = NodeIdentity.Load(dataDirectory);
        if (identity is null)
        {
            identity = await EnrolAsync(dataDirectory, token, facts, version, cancellation);
            LogJoined(identity.Node, identity.Profile.Name(), identity.Cluster);
        }
        else
        {
            LogIdentityWins(identity.Node, identity.Profile.Name(), identity.Cluster);
        }

        if (identity.Profile.IsManager() && !File.Exists(ClusterKey.PathFor(dataDirectory)))
        {
            await FetchClusterKeyAsync(dataDirectory, identity, token.Addresses, cancellation);
        }

        return identity;
    }

    private InternalChannel Channel(NodeIdentity? identity, PeerVerification verification) =>
        new(identity, verification) { ConnectTimeout = AddressTimeout };

    private async Task<NodeIdentity> EnrolAsync(
        string dataDirectory,
        JoinToken token,
        NodeFacts facts,
        string version,
        CancellationToken cancellation
    )
    {
        using var key = NodeKey.LoadOrCreate(dataDirectory);
        var request = new JoinRequest
        {
            TokenId = token.Id,
            Secret = ByteString.CopyFrom(token.Secret.Span),
            CertificateRequest = ByteString.CopyFrom(CertificateRequests.Create(key, token.Node)),
            Facts = facts,
            Version = version,
        };
        var failures = new List<JoinException>();
        foreach (var text in token.Addresses)
        {
            if (!HostPort.TryParse(text, out var address))
            {
                continue;
            }

            try
            {
                var pinned = await LearnAuthoritiesAsync(address, token, cancellation);
                var reply = await AskAsync(address, pinned, request, cancellation);
                return Store(dataDirectory, reply, pinned);
            }
            catch (JoinException e) when (e.Failure is JoinFailure.TokenRefused or JoinFailure.FactsRefused)
            {
                // Every manager reads the same ledger; asking another only spends attempts.
                throw;
            }
            catch (JoinException e)
            {
                LogAddressFailed(address.ToString(), e.Message);
                failures.Add(e);
            }
        }

        // The most telling one first: somebody in between outweighs an address that is down.
        var worst = failures.MinBy(f =>
            f.Failure switch
            {
                JoinFailure.WrongAuthority => 0,
                JoinFailure.ManagerFailed => 1,
                _ => 2,
            }
        );
        throw worst is null
            ? new JoinException(JoinFailure.CannotReach, "The join token names no usable address.")
            : new JoinException(
                worst.Failure,
                string.Join(Environment.NewLine, failures.Select(f => f.Message).Distinct()),
                worst
            );
    }

    // Nothing secret is said here: one GET to whoever answers, bounded in time and size.
    private async Task<X509Certificate2Collection> LearnAuthoritiesAsync(
        HostPort address,
        JoinToken token,
        CancellationToken cancellation
    )
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limited.CancelAfter(AddressTimeout);
        var pem = "";
        try
        {
            var nobody = new PeerVerification(null, () => [], new(), time, loggers.CreateLogger<PeerVerification>());
            using var handler = Channel(null, nobody)
                .CreateHandler(address.Host, address.Port, PeerExpectation.Manager);
            handler.SslOptions.RemoteCertificateValidationCallback = static (_, certificate, _, _) =>
                certificate is not null;
            using var client = new HttpClient(handler) { MaxResponseContentBufferSize = MaxAuthorities };
            var url = $"https://{InternalPurpose.Control.ServerName()}{InternalPaths.Authorities}";
            using var answer = await client.GetAsync(new Uri(url), limited.Token);
            if (!answer.IsSuccessStatusCode)
            {
                throw new JoinException(
                    JoinFailure.ManagerFailed,
                    $"{address} answers, but is no manager (HTTP {(int)answer.StatusCode}). Use the address of a manager."
                );
            }

            pem = await answer.Content.ReadAsStringAsync(limited.Token);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is not HttpRequestError.ConnectionError)
        {
            throw new JoinException(
                JoinFailure.ManagerFailed,
                $"{address} answers, but ends the conversation: {Innermost(e)}. Is it a manager's port for other nodes (7443 "
                    + "plus the port offset), of the same Gatehouse version?",
                e
            );
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new JoinException(
                JoinFailure.CannotReach,
                $"Cannot reach a manager at {address}: {Innermost(e)}. Is it running, and is the port open from here?",
                e
            );
        }

        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(pem);
        }
        catch (CryptographicException) { }

        X509Certificate2Collection pinned = [.. authorities.Where(token.Names)];
        return pinned.Count > 0
            ? pinned
            : throw new JoinException(
                JoinFailure.WrongAuthority,
                $"{address} shows another certificate authority than the join token names. Either the token is of another "
                    + "cluster (or of this one before its authority was rotated or it was initialised anew), or somebody sits in "
                    + "between. The token's secret was not sent. Check the address, or make a new token on the manager."
            );
    }

    private async Task<JoinReply> AskAsync(
        HostPort address,
        X509Certificate2Collection pinned,
        JoinRequest request,
        CancellationToken cancellation
    )
    {
        // The judge of every other connection, with the pinned authority: the secret goes to a manager or to nobody.
        var verification = new PeerVerification(
            null,
            () => pinned,
            new(),
            time,
            loggers.CreateLogger<PeerVerification>()
        );
        using var channel = Channel(null, verification).CreateGrpc(address.Host, address.Port, PeerExpectation.Manager);
        try
        {
            return await new Enrolment.EnrolmentClient(channel).JoinAsync(
                request,
                deadline: DateTime.UtcNow + AnswerTimeout,
                cancellationToken: cancellation
            );
        }
        catch (RpcException e)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Explain(e, address);
        }
    }

    private static JoinException Explain(RpcException e, HostPort address)
    {
        if (PeerRefusedException.Find(e.Status.DebugException) is { } refused)
        {
            return new(
                JoinFailure.WrongAuthority,
                $"{address} is not believed: {refused.Message}. The token's secret was not sent.",
                e
            );
        }

        return e.StatusCode switch
        {
            StatusCode.PermissionDenied => new(
                JoinFailure.TokenRefused,
                $"The manager at {address} let nobody in: {e.Status.Detail}. New tokens come from 'gatehouse token create' there.",
                e
            ),
            StatusCode.InvalidArgument => new(
                JoinFailure.FactsRefused,
                $"The manager at {address} refused this node: {e.Status.Detail}.",
                e
            ),
            StatusCode.DeadlineExceeded => new(
                JoinFailure.ManagerFailed,
                $"The manager at {address} did not answer in time. The same command may be tried again with the same token.",
                e
            ),
            _ => new(
                JoinFailure.ManagerFailed,
                $"The manager at {address} could not answer ({e.StatusCode}: {e.Status.Detail}). The same command may be tried "
                    + "again with the same token.",
                e
            ),
        };
    }

    private static NodeIdentity Store(string dataDirectory, JoinReply reply, X509Certificate2Collection pinned)
    {
        try
        {
            if (!reply.Authorities.Any(a => pinned.Any(p => a.Span.SequenceEqual(p.RawDataMemory.Span))))
            {
                throw new InvalidDataException("it lacks the authority that the token names");
            }

            return NodeIdentity.Store(dataDirectory, reply);
        }
        catch (InvalidDataException e)
        {
            throw new JoinException(JoinFailure.ManagerFailed, $"The manager's answer does not fit: {e.Message}", e);
        }
    }

    private async Task FetchClusterKeyAsync(
        string dataDirectory,
        NodeIdentity identity,
        IEnumerable<string> addresses,
        CancellationToken cancellation
    )
    {
        var verification = new PeerVerification(
            identity.Cluster,
            () => identity.Authorities,
            new(),
            time,
            loggers.CreateLogger<PeerVerification>()
        );
        Exception? last = null;
        foreach (var text in addresses.Concat(identity.Facts.Managers).Distinct())
        {
            if (!HostPort.TryParse(text, out var address))
            {
                continue;
            }

            using var channel = Channel(identity, verification)
                .CreateGrpc(address.Host, address.Port, PeerExpectation.Manager);
            try
            {
                var reply = await new Enrolment.EnrolmentClient(channel).ClusterKeyAsync(
                    new(),
                    deadline: DateTime.UtcNow + AnswerTimeout,
                    cancellationToken: cancellation
                );
                using var key = ClusterKey.From(reply.Key.Span);
                key.Save(dataDirectory);
                return;
            }
            catch (Exception e) when (e is RpcException or ArgumentException)
            {
                cancellation.ThrowIfCancellationRequested();
                last = e;
            }
        }

        throw new JoinException(
            JoinFailure.ManagerFailed,
            $"{identity} has its certificate but no manager gave it the cluster key ({Innermost(last)}). Without it a manager "
                + "cannot start. The same command tries again; or put the saved key into pki/cluster.key (mode 600).",
            last
        );
    }

    private static string Innermost(Exception? exception)
    {
        while (exception?.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception is OperationCanceledException
            ? "it did not answer in time"
            : exception?.Message.TrimEnd('.') ?? "no address";
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Joined the cluster '{Cluster}' as {Node} ({Profile})")]
    private partial void LogJoined(string node, string profile, string cluster);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "This data directory is {Node} ({Profile}) of the cluster '{Cluster}' already; the join token is not needed"
    )]
    private partial void LogIdentityWins(string node, string profile, string cluster);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Joining through {Address} failed: {Reason}")]
    private partial void LogAddressFailed(string address, string reason);
}
