namespace Gatehouse.Gateway.Authentication;

/// <summary>
/// Checks signatures away from the loops that serve connections, a few at a time: a check takes some 100 µs, and a flood of
/// bad tokens must wait for itself, not everybody for it. A full queue says so at once.
/// </summary>
internal sealed class CryptoGate(int atOnce, int mostWaiting) : IDisposable
{
    private readonly SemaphoreSlim _free = new(atOnce, atOnce);
    private int _inside;

    /// <summary>Whether the signature is right; null when too many are waiting.</summary>
    public async ValueTask<bool?> VerifyAsync(VerificationKey key, byte[] content, byte[] signature)
    {
        try
        {
            if (Interlocked.Increment(ref _inside) > atOnce + mostWaiting)
            {
                return null;
            }

            await _free.WaitAsync().ConfigureAwait(false);
            try
            {
                return await Task.Run(() => key.Verifies(content, signature)).ConfigureAwait(false);
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

    public void Dispose() => _free.Dispose();
}
