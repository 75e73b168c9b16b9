using System.Collections.Immutable;
using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Strictness;
using HostName = Gatehouse.Gateway.Routing.HostName;

namespace Gatehouse.Gateway;

/// <summary>
/// A text with places for what a call brings, by NGINX's names: <c>$host</c> without its port, <c>$scheme</c>,
/// <c>$request_uri</c> (path and query), <c>$uri</c> (the path), <c>$is_args</c>, <c>$args</c>, <c>$remote_addr</c>, and
/// <c>$rest</c>, what of the path follows the rule's. All are as the caller sent them, encoded.
/// </summary>
public sealed class CallText
{
    private static readonly string[] s_names =
    [
        "host",
        "scheme",
        "request_uri",
        "uri",
        "is_args",
        "args",
        "remote_addr",
        "rest",
    ];

    // Text and name by turns: even ones are text.
    private readonly ImmutableArray<string> _pieces;

    private CallText(ImmutableArray<string> pieces) => _pieces = pieces;

    /// <summary>The names with their sign, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_names.Select(n => $"${n}"));

    /// <summary>Whether it needs the caller's host.</summary>
    internal bool HasHost => Has("host");

    /// <summary>Reads a text; what is wrong with it in <paramref name="problem"/>, and then null.</summary>
    public static CallText? Parse(string text, out string? problem)
    {
        var pieces = ImmutableArray.CreateBuilder<string>();
        var plain = new StringBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            var braced = text[at] == '$' && at + 1 < text.Length && text[at + 1] == '{';
            var start = at + (braced ? 2 : 1);
            var end = start;
            while (text[at] == '$' && end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_'))
            {
                end++;
            }

            if (text[at] != '$' || end == start)
            {
                plain.Append(text[at]);
                continue;
            }

            var name = text[start..end];
            if (!s_names.Contains(name) || (braced && (end >= text.Length || text[end] != '}')))
            {
                problem = $"'${name}' is not known here";
                return null;
            }

            pieces.Add(plain.ToString());
            pieces.Add(name);
            plain.Clear();
            at = braced ? end : end - 1;
        }

        pieces.Add(plain.ToString());
        problem = null;
        return new(pieces.ToImmutable());
    }

    /// <summary>The text for a call that a rule with this path took.</summary>
    internal string For(Exchange exchange, string? path)
    {
        if (_pieces.Length == 1)
        {
            return _pieces[0];
        }

        var text = new StringBuilder();
        for (var i = 0; i < _pieces.Length; i++)
        {
            if (i % 2 == 0)
            {
                text.Append(_pieces[i]);
            }
            else
            {
                Append(text, _pieces[i], exchange, path);
            }
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, string name, Exchange exchange, string? rulePath)
    {
        var raw = exchange.Request.RawTarget;
        var path = exchange.Target.Path(raw);
        var query = exchange.Target.Query(raw);
        switch (name)
        {
            case "host":
                Span<char> host = stackalloc char[HostName.Longest];
                text.Append(host[..HostName.Read(exchange.Request.Headers.Host, host)]);
                break;
            case "scheme":
                text.Append(exchange.Caller.IsHttps ? "https" : "http");
                break;
            case "request_uri":
                text.Append(path).Append(query);
                break;
            case "uri":
                text.Append(path);
                break;
            case "is_args":
                text.Append(query.IsEmpty ? "" : "?");
                break;
            case "args":
                text.Append(query.IsEmpty ? query : query[1..]);
                break;
            case "remote_addr":
                text.Append(exchange.Caller.Address);
                break;
            default:
                var whole = RequestPath.ToMatch(path, exchange.Target.Traits, new char[path.Length]);
                text.Append(whole[Math.Min(rulePath?.Length ?? 0, whole.Length)..]);
                break;
        }
    }

    private bool Has(string name)
    {
        for (var i = 1; i < _pieces.Length; i += 2)
        {
            if (_pieces[i] == name)
            {
                return true;
            }
        }

        return false;
    }
}
