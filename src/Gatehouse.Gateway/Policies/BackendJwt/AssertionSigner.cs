using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Gatehouse.Gateway.Transport;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Signs with the worker's own key, beside the loops and a few at a time: a signature costs about a millisecond.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Its semaphore has no wait handle and so nothing to give back.")]
internal sealed class AssertionSigner
{
    private const int MostWaiting = 256;

    private readonly ConcurrentBag<RSA> _idle = [];
    private readonly SemaphoreSlim _free = new(Math.Max(1, Environment.ProcessorCount / 2));
    private readonly byte[] _key;
    private int _inside;

    /// <param name="key">PKCS#8 of an RSA key.</param>
    public AssertionSigner(byte[] key)
    {
        _key = key;
        var rsa = New();
        KeyId = AssertionJwk.IdOf(rsa.ExportParameters(includePrivateParameters: false));
        _idle.Add(rsa);
    }

    /// <summary>The key's name in the JWK set that managers publish.</summary>
    public string KeyId { get; }

    /// <summary>RS256 over <paramref name="content"/>; null when too many wait.</summary>
    public async ValueTask<byte[]?> SignAsync(byte[] content)
    {
        if (Interlocked.Increment(ref _inside) > MostWaiting)
        {
            Interlocked.Decrement(ref _inside);
            return null;
        }

        try
        {
            await OffLoop.Switch();
            await _free.WaitAsync().ConfigureAwait(false);
            try
            {
                var rsa = _idle.TryTake(out var idle) ? idle : New();
                var signature = rsa.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                _idle.Add(rsa);
                return signature;
            }
            finally
            {
                _free.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
        }
    }

    private RSA New()
    {
        var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(_key, out _);
        return rsa;
    }
}
