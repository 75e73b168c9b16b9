using System.Collections.Immutable;

namespace Gatehouse.Wso2;

/// <summary>The balancer's settings while NGINX files are read.</summary>
internal sealed class NginxSettings
{
    private readonly Dictionary<string, HomeSetting> _settings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TimeSpan> _times = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Place> _addresses = new(StringComparer.Ordinal);
    private readonly List<(string Cert, string Key, Place Place)> _certificates = [];

    /// <summary>Sets a value; false when the key has another already.</summary>
    public bool Set(string key, HomeValue value, Place place) =>
        _settings.TryAdd(key, new(key, value, place)) || _settings[key].Value.Equals(value);

    /// <summary>Adds to a list, each once.</summary>
    public void Add(string key, IEnumerable<string> items, Place place)
    {
        var list = _settings.TryGetValue(key, out var present) ? ((HomeValue.List)present.Value).Items : [];
        foreach (var item in items.Where(i => list.All(l => l.Value != i)))
        {
            list = list.Add((item, place));
        }

        _settings[key] = new(key, new HomeValue.List(list), list[0].Place);
    }

    /// <summary>Of several times, the longest: nobody's request is cut that was not before.</summary>
    public void Longest(string key, TimeSpan time, Place place)
    {
        if (!_times.TryGetValue(key, out var before) || time > before)
        {
            _times[key] = time;
            _settings[key] = new(key, new HomeValue.Text(NginxTime.Write(time)), place);
        }
    }

    /// <summary>An address that something listens on; empty for all. One for all of it is a setting, several are none.</summary>
    public void Bind(string address, Place place) => _addresses.TryAdd(address, place);

    public void Certificate(string cert, string key, Place place)
    {
        if (!_certificates.Any(c => c.Cert == cert && c.Key == key))
        {
            _certificates.Add((cert, key, place));
        }
    }

    public ImmutableArray<HomeSetting> ToImmutable() =>
        [
            .. _settings
                .Values.Concat(
                    _addresses.Count == 1 && _addresses.First() is { Key.Length: > 0 } only
                        ? [new HomeSetting("listen.balancer.bind", new HomeValue.Text(only.Key), only.Value)]
                        : []
                )
                .OrderBy(s => s.Key, StringComparer.Ordinal),
            .. _certificates.Select(c => new HomeSetting(
                "tls.certificates",
                new HomeValue.Map([("cert", c.Cert, c.Place), ("key", c.Key, c.Place)]),
                c.Place
            )),
        ];
}
