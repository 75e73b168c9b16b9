using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Seals the secrets that entities carry to workers.</summary>
public sealed class EntitySecrets : IDisposable
{
    private readonly SecretSeal? _seal;

    /// <param name="options">Whose cluster key seals; without one no secret is taken.</param>
    public EntitySecrets(ManagementOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _seal = options.ClusterKey is { } key ? new(key.Derive(SecretSeal.Purpose)) : null;
    }

    /// <summary>The sealed form. Throws <see cref="ProblemsException"/> when it cannot be kept.</summary>
    /// <param name="place">What it is for; workers open it for that only.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="pointer">Where it was given.</param>
    public string Close(string place, string secret, string pointer)
    {
        if (secret.Length is 0 or > 4096)
        {
            throw new ProblemsException([new(pointer, "A secret has 1 to 4096 characters")]);
        }

        return _seal?.Close(place, secret)
            ?? throw new ProblemsException([
                new(
                    pointer,
                    "This manager has no cluster key, so it can keep no secret",
                    "run it as 'gatehouse run' does"
                ),
            ]);
    }

    /// <inheritdoc/>
    public void Dispose() => _seal?.Dispose();
}
