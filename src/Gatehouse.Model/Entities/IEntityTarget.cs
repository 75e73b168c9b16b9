using System.Collections.Immutable;

namespace Gatehouse.Model;

/// <summary>
/// What runs entities: the gateway's table. It knows nothing of feeds and stores; the synchronizer hands it changes and
/// carries its answer back. Calls never overlap.
/// </summary>
public interface IEntityTarget
{
    /// <summary>
    /// Validates and compiles <paramref name="changes"/> beside what runs. Does not throw on bad content: what cannot be
    /// compiled is a <see cref="Refusal"/> and its last good self serves on. Nothing changes for a request before
    /// <see cref="IPreparedChanges.Publish"/>; a prepared set that is dropped leaves no trace.
    /// </summary>
    /// <param name="changes">In epoch order. Their digests are verified already.</param>
    /// <param name="replace">True when <paramref name="changes"/> is the whole table: what it lacks is gone.</param>
    IPreparedChanges Prepare(IReadOnlyList<EntityChange> changes, bool replace);
}

/// <summary>Changes compiled and ready to run.</summary>
public interface IPreparedChanges
{
    /// <summary>What could not be compiled, each with field and reason.</summary>
    ImmutableArray<Refusal> Refusals { get; }

    /// <summary>Makes the new table current by one reference write. Does not throw.</summary>
    void Publish();
}

/// <summary>A change that a node cannot run; it keeps the entity's last good self.</summary>
/// <param name="Kind">The entity's kind.</param>
/// <param name="Name">The entity's name.</param>
/// <param name="Epoch">The refused change.</param>
/// <param name="Field">JSON pointer into the payload; empty when the whole is meant.</param>
/// <param name="Reason">What is wrong and what to do, for the publisher's eyes.</param>
public sealed record Refusal(string Kind, string Name, long Epoch, string Field, string Reason);
