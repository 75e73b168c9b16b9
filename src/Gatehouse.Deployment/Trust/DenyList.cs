using System.Collections.Frozen;
using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// The serial numbers that no internal endpoint accepts any more: the names of the <c>denied-certificate</c> entities. The
/// name alone denies, so a payload that cannot be read denies too.
/// </summary>
public sealed class DenyList : IEntityTarget
{
    private readonly Latest<FrozenSet<string>> _serials = new(FrozenSet<string>.Empty);

    /// <summary>True when the certificate with this serial number was taken out of service.</summary>
    public bool Contains(string serialNumber) => _serials.Value.Contains(serialNumber);

    /// <summary>Completes when the list is another than at the last step; then every later state, until cancelled.</summary>
    public IAsyncEnumerable<FrozenSet<string>> FollowAsync(CancellationToken cancellation) =>
        _serials.FollowAsync(cancellation);

    /// <summary>Replaces the list, for a manager that reads its catalogue.</summary>
    public void Set(IEnumerable<string> serialNumbers) => _serials.Set(Freeze(serialNumbers));

    /// <inheritdoc/>
    public IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace)
    {
        var own = changes.Where(c => c.Kind == EntityKinds.DeniedCertificate).ToList();
        if (own.Count == 0 && !replace)
        {
            return new Prepared(this, null);
        }

        var serials = new HashSet<string>(replace ? [] : _serials.Value, StringComparer.OrdinalIgnoreCase);
        foreach (var change in own)
        {
            if (change.Deleted)
            {
                serials.Remove(change.Name);
            }
            else
            {
                serials.Add(change.Name);
            }
        }

        return new Prepared(this, Freeze(serials));
    }

    private static FrozenSet<string> Freeze(IEnumerable<string> serials) =>
        serials.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private sealed class Prepared(DenyList list, FrozenSet<string>? next) : IPreparedChanges
    {
        public ImmutableArray<Refusal> Refusals => [];

        public void Publish()
        {
            if (next is not null)
            {
                list._serials.Set(next);
            }
        }
    }
}
