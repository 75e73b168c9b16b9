using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>Edits of a set of headers, ready to run: remove, rename, set, add, in this order.</summary>
internal sealed class HeaderEditing(HeaderEdits edits)
{
    private readonly string[] _remove = [.. edits.Remove];
    private readonly KeyValuePair<string, string>[] _rename = [.. edits.Rename];
    private readonly KeyValuePair<string, StringValues>[] _set = Values(edits.Set);
    private readonly KeyValuePair<string, StringValues>[] _add = Values(edits.Add);

    public void Run(IHeaderDictionary headers)
    {
        foreach (var name in _remove)
        {
            headers.Remove(name);
        }

        foreach (var (from, to) in _rename)
        {
            if (headers.TryGetValue(from, out var value))
            {
                headers.Remove(from);
                headers[to] = value;
            }
        }

        foreach (var (name, value) in _set)
        {
            headers[name] = value;
        }

        foreach (var (name, value) in _add)
        {
            headers[name] = StringValues.Concat(headers[name], value);
        }
    }

    private static KeyValuePair<string, StringValues>[] Values(IReadOnlyDictionary<string, string> edits) =>
        [.. edits.Select(e => KeyValuePair.Create(e.Key, new StringValues(e.Value)))];
}
