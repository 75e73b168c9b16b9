using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Refuses requests that a pattern matches. Patterns run without backtracking, in time linear in what they look at.</summary>
internal sealed class RegexLimitsPolicy(RegexLimitsSettings settings) : IWaitingPolicy
{
    private static readonly GatewayProblem s_refused = BodyInspection.Refuse(
        "The request holds what this API does not take."
    );

    private readonly Regex[] _patterns =
    [
        .. settings.Patterns.Select(p => new Regex(p, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)),
    ];

    private readonly bool _path = settings.In.Contains("path");
    private readonly bool _query = settings.In.Contains("query");
    private readonly bool _headers = settings.In.Contains("headers");
    private readonly bool _body = settings.In.Contains("body");

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (MatchesHead(exchange))
        {
            return s_refused;
        }

        if (!_body)
        {
            return null;
        }

        if (await BodyInspection.ReadAsync(exchange, settings.MaxBytes).ConfigureAwait(false) is { } problem)
        {
            return problem;
        }

        return exchange.Buffered is { Content.Length: > 0 } body && Matches(Encoding.UTF8.GetString(body.Content.Span))
            ? s_refused
            : null;
    }

    private bool MatchesHead(Exchange exchange)
    {
        if (_path && Matches(Uri.UnescapeDataString(exchange.Resource.ToString())))
        {
            return true;
        }

        if (
            _query
            && Matches(
                Uri.UnescapeDataString(exchange.Target.Query(exchange.Request.RawTarget).ToString().Replace('+', ' '))
            )
        )
        {
            return true;
        }

        if (!_headers)
        {
            return false;
        }

        foreach (var (_, values) in exchange.Request.Headers)
        {
            foreach (var value in values)
            {
                if (value is not null && Matches(value))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private bool Matches(string text)
    {
        foreach (var pattern in _patterns)
        {
            if (pattern.IsMatch(text))
            {
                return true;
            }
        }

        return false;
    }
}
