using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>Reads the fields of a section within a value. Every field that nobody knows is a problem, at its place.</summary>
internal sealed class SectionReader
{
    private readonly ConfigMap _map;
    private readonly string _key;
    private readonly ICollection<Problem> _problems;
    private readonly int _before;

    public SectionReader(ConfigMap map, string key, ICollection<Problem> problems, string[] fields)
    {
        (_map, _key, _problems, _before) = (map, key, problems, problems.Count);
        foreach (var entry in map.Entries.Where(e => !fields.Contains(e.Key)))
        {
            problems.Add(Unknown(entry, $"{key}.{entry.Key}", fields));
        }
    }

    /// <summary>True as long as nothing was wrong.</summary>
    public bool IsGood => _problems.Count == _before;

    /// <summary>A field that nobody knows.</summary>
    public static Problem Unknown(ConfigEntry entry, string key, string[] fields) =>
        entry.KeyOrigin.Problem(
            key,
            $"unknown key '{entry.Key}'",
            NearestName.Of(entry.Key, fields) is { } nearest
                ? $"did you mean '{nearest}'? Allowed here: {string.Join(", ", fields)}"
                : $"allowed here: {string.Join(", ", fields)}"
        );

    /// <summary>The field's value; <paramref name="unset"/> where it does not stand or cannot be read.</summary>
    public T Read<T>(string field, ValueKind<T> kind, T unset) =>
        _map.Entries.FirstOrDefault(e => e.Key == field) is { } entry
        && kind.TryRead(entry.Value, $"{_key}.{field}", _problems, out var value)
            ? value
            : unset;

    /// <summary>Says that something is wrong with a field, or with the section when it lacks it.</summary>
    public void Add(string field, string message, string fix)
    {
        var entry = _map.Entries.FirstOrDefault(e => e.Key == field);
        _problems.Add(
            (entry?.Value.Origin ?? _map.Origin).Problem(entry is null ? _key : $"{_key}.{field}", message, fix)
        );
    }
}
