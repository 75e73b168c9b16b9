namespace Gatehouse.Plugins;

/// <summary>
/// Headers, found whatever the case of their names. Framing, connection, <c>Host</c>, <c>X-Forwarded-*</c> and
/// <c>X-Request-Id</c> are the gateway's: a change to one of them fails the call.
/// </summary>
public sealed class PluginHeaders
{
    private readonly Dictionary<string, string[]> _values;
    private readonly HashSet<string> _changed = new(StringComparer.OrdinalIgnoreCase);

    internal PluginHeaders(Dictionary<string, string[]> values) => _values = values;

    /// <summary>Their names.</summary>
    public IEnumerable<string> Names => _values.Keys;

    internal IEnumerable<(string Name, string[] Values)> Changes =>
        _changed.Select(name => (name, _values.GetValueOrDefault(name) ?? []));

    /// <summary>A header's value, several with commas between; null when it is not there. Setting null removes it.</summary>
    /// <param name="name">Its name.</param>
    public string? this[string name]
    {
        get => _values.TryGetValue(name, out var values) ? string.Join(", ", values) : null;
        set
        {
            if (value is null)
            {
                Remove(name);
                return;
            }

            _values[name] = [value];
            _changed.Add(name);
        }
    }

    /// <summary>Every value of a header; empty when it is not there.</summary>
    /// <param name="name">Its name.</param>
    public IReadOnlyList<string> Values(string name) => _values.GetValueOrDefault(name) ?? [];

    /// <summary>Adds a value beside those that are there.</summary>
    /// <param name="name">The header's name.</param>
    /// <param name="value">The value.</param>
    public void Add(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _values[name] = [.. Values(name), value];
        _changed.Add(name);
    }

    /// <summary>Takes a header away. True when it was there.</summary>
    /// <param name="name">Its name.</param>
    public bool Remove(string name)
    {
        var was = _values.Remove(name);
        if (was)
        {
            _changed.Add(name);
        }

        return was;
    }
}
