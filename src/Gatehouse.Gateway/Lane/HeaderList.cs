using System.Buffers;
using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Gatehouse.Gateway.Forwarding.Http1;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Lane;

/// <summary>
/// The headers of one message, in the order in which they came. There are about ten: a look along them costs less than a hash.
/// One list serves all messages of a connection, and what a message says like the one before it costs no new string.
/// </summary>
/// <param name="checks">Whether what is put in is checked: true for an answer, whose headers policies make up.</param>
internal sealed class HeaderList(bool checks) : IHeaderDictionary
{
    private const string LengthName = "Content-Length";

    private static readonly SearchValues<char> s_token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    );

    // What would end a line early, or means nothing good in one (RFC 9110 §5.5).
    private static readonly SearchValues<char> s_controls = SearchValues.Create([
        .. Enumerable.Range(0, 32).Where(c => c != '\t').Select(c => (char)c),
        '\x7F',
    ]);

    private readonly Stack<(int At, Entry Entry)>? _removed = checks ? null : new();
    private Entry[] _entries = new Entry[8];
    private int _count;
    private long? _length;

    // A bit for each name that may be here, by its length and first letter: most of what is asked for is not.
    private ulong _present;

    /// <summary>True when the head has left and nothing may be changed.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>All but the length.</summary>
    public ReadOnlySpan<Entry> Entries => _entries.AsSpan(0, _count);

    public int Count => _count + (_length is null ? 0 : 1);

    public long? ContentLength
    {
        get => _length;
        set
        {
            ThrowIfSent();
            _length = value is null or >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
        }
    }

    public ICollection<string> Keys => [.. this.Select(pair => pair.Key)];

    public ICollection<StringValues> Values => [.. this.Select(pair => pair.Value)];

    public StringValues this[string key]
    {
        get => TryGetValue(key, out var value) ? value : StringValues.Empty;
        set
        {
            ThrowIfSent();
            if (value.Count == 0)
            {
                Remove(key);
            }
            else if (Same(key, LengthName))
            {
                _length = LengthOf(value);
            }
            else
            {
                Check(key, value);
                var at = IndexOf(key);
                if (at < 0)
                {
                    at = Grow();
                    _entries[at].Name = key;
                    _present |= BitOf(key);
                }

                _entries[at].Value = value;
            }
        }
    }

    StringValues IDictionary<string, StringValues>.this[string key]
    {
        get => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException(key);
        set => this[key] = value;
    }

    public bool TryGetValue(string key, out StringValues value)
    {
        var at = IndexOf(key);
        if (at >= 0)
        {
            value = _entries[at].Value;
            return true;
        }

        value =
            _length is { } length && Same(key, LengthName)
                ? length.ToString(CultureInfo.InvariantCulture)
                : StringValues.Empty;
        return value.Count > 0;
    }

    public bool ContainsKey(string key) => IndexOf(key) >= 0 || _length is not null && Same(key, LengthName);

    public void Add(string key, StringValues value)
    {
        if (ContainsKey(key))
        {
            throw new ArgumentException($"There is a header {key} already.", nameof(key));
        }

        this[key] = value;
    }

    public bool Remove(string key)
    {
        ThrowIfSent();
        var at = IndexOf(key);
        if (at >= 0)
        {
            _removed?.Push((at, _entries[at]));
            _count--;
            Array.Copy(_entries, at + 1, _entries, at, _count - at);
            _entries[_count] = default;
            return true;
        }

        if (_length is not null && Same(key, LengthName))
        {
            _length = null;
            return true;
        }

        return false;
    }

    public void Clear()
    {
        ThrowIfSent();
        _entries.AsSpan(0, _count).Clear();
        _removed?.Clear();
        (_count, _length, _present) = (0, null, 0);
    }

    /// <summary>
    /// Begins to read a message: what the one before it said is compared with, also what was taken off since, such as its key;
    /// <see cref="EndReading"/> forgets what did not come again.
    /// </summary>
    public void BeginReading()
    {
        while (_removed is not null && _removed.TryPop(out var removed))
        {
            Grow();
            Array.Copy(_entries, removed.At, _entries, removed.At + 1, _count - removed.At - 1);
            _entries[removed.At] = removed.Entry;
        }

        (_count, _length, _present) = (0, null, 0);
    }

    /// <summary>Appends a line of a head that was judged; one of a name that is there already joins its values.</summary>
    public void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var at = Grow();
        ref var entry = ref _entries[at];
        var before = entry.Value.Count == 1 ? entry.Value[0] : null;
        var known = entry.Name is { } last && Ascii.Equals(name, last) ? last : Latin.Text(name);
        var text =
            value.IsEmpty ? ""
            : before is not null && Latin.IsText(value, before) ? before
            : Latin.Private(value);
        _count--;
        if (IndexOf(known) is >= 0 and var first)
        {
            _entries[first].Value = StringValues.Concat(_entries[first].Value, text);
            return;
        }

        _count++;
        _present |= BitOf(known);
        entry.Name = known;
        if (!ReferenceEquals(text, before))
        {
            entry.Value = text;
        }
    }

    /// <summary>Lets go of what the message before said and this one does not.</summary>
    public void EndReading()
    {
        for (var i = _count; i < _entries.Length && _entries[i].Name is not null; i++)
        {
            _entries[i] = default;
        }
    }

    public IEnumerator<KeyValuePair<string, StringValues>> GetEnumerator()
    {
        for (var i = 0; i < _count; i++)
        {
            yield return new(_entries[i].Name, _entries[i].Value);
        }

        if (_length is { } length)
        {
            yield return new(LengthName, length.ToString(CultureInfo.InvariantCulture));
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    void ICollection<KeyValuePair<string, StringValues>>.Add(KeyValuePair<string, StringValues> item) =>
        Add(item.Key, item.Value);

    bool ICollection<KeyValuePair<string, StringValues>>.Contains(KeyValuePair<string, StringValues> item) =>
        TryGetValue(item.Key, out var value) && value == item.Value;

    void ICollection<KeyValuePair<string, StringValues>>.CopyTo(
        KeyValuePair<string, StringValues>[] array,
        int arrayIndex
    )
    {
        foreach (var pair in this)
        {
            array[arrayIndex++] = pair;
        }
    }

    bool ICollection<KeyValuePair<string, StringValues>>.Remove(KeyValuePair<string, StringValues> item) =>
        ((ICollection<KeyValuePair<string, StringValues>>)this).Contains(item) && Remove(item.Key);

    private int IndexOf(string name)
    {
        if ((_present & BitOf(name)) != 0)
        {
            for (var i = 0; i < _count; i++)
            {
                if (Same(_entries[i].Name, name))
                {
                    return i;
                }
            }
        }

        return -1;
    }

    private static ulong BitOf(string name) =>
        name.Length == 0 ? 0 : 1ul << (((name[0] | 0x20) * 7 + name.Length) & 63);

    private int Grow()
    {
        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, _count * 2);
        }

        return _count++;
    }

    private static bool Same(string one, string other) =>
        ReferenceEquals(one, other)
        || one.Length == other.Length
            && ((one[0] ^ other[0]) & ~0x20) == 0
            && one.Equals(other, StringComparison.OrdinalIgnoreCase);

    private static long LengthOf(StringValues value) =>
        value.Count == 1 && long.TryParse(value[0], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            ? length
            : throw new InvalidOperationException($"'{value}' is not a Content-Length.");

    private void Check(string name, StringValues values)
    {
        if (name.Length == 0 || checks && name.AsSpan().ContainsAnyExcept(s_token))
        {
            throw new InvalidOperationException($"'{name}' is not the name of a header.");
        }

        if (!checks)
        {
            return;
        }

        foreach (var value in values)
        {
            if (value.AsSpan().ContainsAny(s_controls))
            {
                throw new InvalidOperationException($"The value of {name} has a control character in it.");
            }
        }
    }

    private void ThrowIfSent()
    {
        if (IsReadOnly)
        {
            throw new InvalidOperationException("The head has been sent: its headers cannot be changed any more.");
        }
    }

    /// <summary>A name and what was said under it, one value or more.</summary>
    [SuppressMessage("Design", "CA1051", Justification = "Changed in place.")]
    internal struct Entry
    {
        public string Name;
        public StringValues Value;
    }
}
