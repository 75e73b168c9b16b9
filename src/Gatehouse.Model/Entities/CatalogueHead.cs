using System.Security.Cryptography;

namespace Gatehouse.Model;

/// <summary>
/// A point in one history of the catalogue. Two heads are the same state exactly when all three parts are equal: a restored
/// backup has another <see cref="History"/>, a catalogue replaced behind our back another <see cref="Chain"/> at the same epoch.
/// </summary>
/// <param name="History">Names one unbroken line of epochs; a restore begins a new one.</param>
/// <param name="Epoch">The newest change; 0 for an empty catalogue.</param>
/// <param name="Chain">SHA-256 over every change up to <paramref name="Epoch"/>.</param>
public sealed record CatalogueHead(string History, long Epoch, Digest Chain)
{
    /// <summary>The chain after one more change: SHA-256(previous chain ‖ <see cref="EntityChange.SignedBytes"/>).</summary>
    public static Digest Link(Digest chain, EntityChange change, string history)
    {
        var signed = change.SignedBytes(history);
        var bytes = new byte[Digest.Size + signed.Length];
        chain.CopyTo(bytes);
        signed.CopyTo(bytes, Digest.Size);
        return Digest.From(SHA256.HashData(bytes));
    }
}
