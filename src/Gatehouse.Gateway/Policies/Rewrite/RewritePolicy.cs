using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Gives the request another path, method or query on its way out. What comes out is judged like what came in.</summary>
internal sealed class RewritePolicy : IPolicy
{
    private readonly string? _method;
    private readonly PathPiece[]? _path;
    private readonly string[] _removed;
    private readonly string _added;

    /// <summary>Throws <see cref="FormatException"/> when the path names a part that the operation's template has not.</summary>
    public RewritePolicy(RewriteSettings settings, string template)
    {
        _method = settings.Method;
        _path = settings.Path is null ? null : PathPiece.Parse(settings.Path, template);
        _removed = [.. settings.RemoveQuery, .. settings.SetQuery.Keys];
        _added = string.Join(
            '&',
            settings.SetQuery.Select(p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value)}")
        );
    }

    public bool RunsAgain => false;

    public GatewayProblem? Apply(Exchange exchange)
    {
        if (_method is not null)
        {
            exchange.OutgoingMethod = _method;
        }

        if (_path is null && _removed.Length == 0)
        {
            return null;
        }

        var path = _path is null ? exchange.OutgoingPath.ToString() : PathPiece.Build(_path, exchange.Resource);
        var query = _removed.Length == 0 ? exchange.OutgoingQuery.ToString() : Query(exchange.OutgoingQuery);
        var refusal = exchange.RewriteTarget(path.Length == 0 ? "/" : path, query);
        return refusal == PathRefusal.None ? null : GatewayProblem.BadTarget(RequestPath.Explain(refusal));
    }

    /// <summary>The query without the parameters that go and with those that are set.</summary>
    internal string Query(ReadOnlySpan<char> query)
    {
        var result = new StringBuilder(query.Length + _added.Length + 2);
        if (query.Length > 1)
        {
            foreach (var range in query[1..].Split('&'))
            {
                var parameter = query[1..][range];
                if (!IsRemoved(parameter))
                {
                    result.Append(result.Length == 0 ? '?' : '&').Append(parameter);
                }
            }
        }

        if (_added.Length > 0)
        {
            result.Append(result.Length == 0 ? '?' : '&').Append(_added);
        }

        return result.ToString();
    }

    private bool IsRemoved(ReadOnlySpan<char> parameter)
    {
        var end = parameter.IndexOf('=');
        var name = end < 0 ? parameter : parameter[..end];

        // A backend reads the name decoded; one that is spelled otherwise must not slip through.
        var plain =
            name.IndexOfAny('%', '+') < 0 ? name : Uri.UnescapeDataString(name.ToString().Replace('+', ' ')).AsSpan();
        foreach (var removed in _removed)
        {
            if (plain.Equals(removed, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
