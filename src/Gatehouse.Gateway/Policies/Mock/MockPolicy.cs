using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Answers without a backend. <c>Prefer: code=404</c> (RFC 7240) names a status; <c>Accept</c> chooses among media types;
/// otherwise the first answer, which is the one of the lowest status.
/// </summary>
internal sealed class MockPolicy(MockSettings settings) : IPolicy
{
    private readonly (string MediaType, Answer Answer)[] _answers =
    [
        .. settings.Answers.Select(a => (a.ContentType.Split(';')[0].Trim(), Make(a))),
    ];

    public bool RunsAgain => false;

    public GatewayProblem? Apply(Exchange exchange)
    {
        var headers = exchange.Request.Headers;
        var status = PreferredStatus(headers["Prefer"]);
        var accept = headers.Accept.ToString();
        Answer? chosen = null;
        foreach (var (mediaType, answer) in _answers)
        {
            if (status is not null && answer.Status != status)
            {
                continue;
            }

            chosen ??= answer;
            if (accept.Contains(mediaType, StringComparison.OrdinalIgnoreCase))
            {
                chosen = answer;
                break;
            }
        }

        exchange.Answer = chosen ?? _answers[0].Answer;
        return null;
    }

    private static Answer Make(MockAnswer answer)
    {
        var body = Encoding.UTF8.GetBytes(answer.Body);
        var headers = ImmutableArray.CreateBuilder<KeyValuePair<string, StringValues>>();
        if (body.Length > 0)
        {
            headers.Add(new("Content-Type", answer.ContentType));
        }

        headers.AddRange(answer.Headers.Select(h => KeyValuePair.Create(h.Key, new StringValues(h.Value))));
        return new()
        {
            Status = answer.Status,
            Headers = headers.ToImmutable(),
            Body = body,
        };
    }

    private static int? PreferredStatus(StringValues prefer)
    {
        foreach (var value in prefer)
        {
            foreach (var part in (value ?? "").Split(',', StringSplitOptions.TrimEntries))
            {
                if (
                    part.StartsWith("code=", StringComparison.OrdinalIgnoreCase)
                    && int.TryParse(part.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var status)
                )
                {
                    return status;
                }
            }
        }

        return null;
    }
}
