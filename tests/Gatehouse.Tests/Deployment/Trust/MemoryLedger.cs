using System.Collections.Concurrent;
using System.Security.Cryptography;
using Gatehouse.Deployment.Manager;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

/// <summary>The ledger's twin in memory, with the same rules.</summary>
internal sealed class MemoryLedger(TimeProvider time) : IEnrolmentLedger
{
    private readonly Lock _lock = new();

    public ConcurrentDictionary<string, Token> Tokens { get; } = new();
    public ConcurrentDictionary<string, bool> Registered { get; } = new();
    public ConcurrentQueue<(Node Node, string Serial)> Registrations { get; } = new();

    /// <summary>Set to make the next registration fail after the token was spent: the lost answer.</summary>
    public Exception? FailNextRegistration { get; set; }

    /// <summary>Runs between the first look at the node and the writing of its renewed certificate.</summary>
    public Action? BeforeRenewal { get; set; }

    public Task<TokenVerdict> RedeemAsync(
        string tokenId,
        ReadOnlyMemory<byte> secret,
        Digest publicKey,
        string remote,
        CancellationToken cancellation
    )
    {
        lock (_lock)
        {
            if (!Tokens.TryGetValue(tokenId, out var token))
            {
                return Task.FromResult(No("the token is unknown"));
            }

            if (++token.Attempts > 10)
            {
                return Task.FromResult(No("the token was tried too often"));
            }

            if (!CryptographicOperations.FixedTimeEquals(token.Secret, secret.Span))
            {
                return Task.FromResult(No("the token's secret is wrong"));
            }

            if (time.GetUtcNow() > token.Ends)
            {
                return Task.FromResult(No("the token expired"));
            }

            if (token.UsedBy is { } other && other != publicKey)
            {
                return Task.FromResult(No("the token was used by another node"));
            }

            token.UsedBy = publicKey;
            return Task.FromResult(new TokenVerdict(true, "", token.Profile, token.Node));
        }

        static TokenVerdict No(string reason) => new(false, reason, default, "");
    }

    public Task RegisterAsync(Node node, string serialNumber, DateTimeOffset notAfter, CancellationToken cancellation)
    {
        if (FailNextRegistration is { } failure)
        {
            FailNextRegistration = null;
            throw failure;
        }

        Registered[node.Name] = true;
        Registrations.Enqueue((node, serialNumber));
        return Task.CompletedTask;
    }

    public Task<bool> RenewAsync(
        Node node,
        string serialNumber,
        DateTimeOffset notAfter,
        CancellationToken cancellation
    )
    {
        BeforeRenewal?.Invoke();
        if (!Registered.GetValueOrDefault(node.Name))
        {
            return Task.FromResult(false);
        }

        Registrations.Enqueue((node, serialNumber));
        return Task.FromResult(true);
    }

    public Task<bool> IsRegisteredAsync(string node, CancellationToken cancellation) =>
        Task.FromResult(Registered.GetValueOrDefault(node));

    internal sealed class Token(byte[] secret, Profile profile, string node, DateTimeOffset ends)
    {
        public byte[] Secret => secret;
        public Profile Profile => profile;
        public string Node => node;
        public DateTimeOffset Ends => ends;
        public Digest? UsedBy { get; set; }
        public int Attempts { get; set; }
    }
}
