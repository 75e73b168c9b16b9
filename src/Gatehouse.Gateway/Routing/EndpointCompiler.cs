using System.Security.Cryptography;
using System.Text;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Routing;

/// <summary>Turns the endpoints of an API into the targets that its requests go to, or says what is wrong with them.</summary>
internal sealed class EndpointCompiler(UpstreamSet upstreams, TimeProvider time)
{
    private const int MostWeight = 1000;
    private const int DefaultRetryPercent = 20;
    private static readonly TimeSpan s_longestTimeout = TimeSpan.FromHours(1);

    /// <summary>
    /// The cookie that keeps callers on their endpoint; null when the API has none. Its key comes from the endpoints, which
    /// callers do not know and all nodes agree on: a caller comes back to its endpoint through whichever node, and after
    /// every deployment that leaves the endpoints as they are.
    /// </summary>
    public static StickyCookie? CookieOf(Api api)
    {
        if (!api.Production.Sticky && api.Sandbox is not { Sticky: true })
        {
            return null;
        }

        var urls = api.Production.Endpoints.Concat(api.Sandbox?.Endpoints ?? []).Select(e => e.Url);
        return new($"gh-{api.Name}-{api.Version}", SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', urls))));
    }

    /// <param name="set">The endpoints.</param>
    /// <param name="field">Where they stand in the entity.</param>
    /// <param name="cookie">Keeps callers on their endpoint; null for none.</param>
    /// <param name="handshake">What is their own in handshakes with them; null for nothing.</param>
    public TargetPool Compile(EndpointSet set, string field, StickyCookie? cookie, BackendHandshake? handshake)
    {
        if (set.Endpoints.IsDefaultOrEmpty)
        {
            throw new Refused($"{field}/endpoints", "There is no endpoint; add at least one URL.");
        }

        Check(set.ConnectTimeout, $"{field}/connectTimeout");
        Check(set.ResponseTimeout, $"{field}/responseTimeout");
        CheckBounds(set, field);
        var algorithm = set.Algorithm switch
        {
            "round-robin" => BalancingAlgorithm.RoundRobin,
            "least-requests" => BalancingAlgorithm.LeastRequests,
            "power-of-two" => BalancingAlgorithm.PowerOfTwo,
            "hash-ip" or "hash-header" => BalancingAlgorithm.Hash,
            var other => throw new Refused(
                $"{field}/algorithm",
                $"'{other}' is not known; use round-robin, least-requests, power-of-two, hash-ip or hash-header."
            ),
        };
        if (set.Algorithm == "hash-header" && string.IsNullOrEmpty(set.HashHeader))
        {
            throw new Refused($"{field}/hashHeader", "hash-header needs the name of the header.");
        }

        return new(
            [.. set.Endpoints.Select((e, i) => TargetOf(set, e, $"{field}/endpoints/{i}", cookie, handshake))],
            algorithm
        )
        {
            Hash = set.Algorithm == "hash-header" ? new(HashPart.Header, set.HashHeader!) : HashSource.Address,
            Retries = new(set.RetryPercent ?? DefaultRetryPercent),
        };
    }

    private Target TargetOf(
        EndpointSet set,
        Endpoint endpoint,
        string field,
        StickyCookie? cookie,
        BackendHandshake? handshake
    )
    {
        if (
            !Uri.TryCreate(endpoint.Url, UriKind.Absolute, out var url)
            || url.Scheme is not ("http" or "https")
            || url.Host.Length == 0
        )
        {
            throw new Refused($"{field}/url", "Not an absolute http or https URL.");
        }

        if (url.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            throw new Refused($"{field}/url", "An endpoint has no user, query or fragment.");
        }

        if (handshake?.Certificate is not null && url.Scheme != Uri.UriSchemeHttps)
        {
            throw new Refused($"{field}/url", "A client certificate is shown over https only.");
        }

        if (endpoint.Weight is < 0 or > MostWeight)
        {
            throw new Refused($"{field}/weight", $"A weight is 0 to {MostWeight}.");
        }

        var silence = endpoint.ResponseTimeout ?? set.ResponseTimeout;
        Check(silence, $"{field}/responseTimeout");
        var target = new Target(
            endpoint.Url,
            url,
            upstreams.For(url, set.ConnectTimeout, handshake),
            () => silence,
            time,
            set.Breaker
        )
        {
            Weight = endpoint.Weight ?? 1,
            Group = endpoint.Group,
            MaxInFlight = set.MaxRequests ?? int.MaxValue,
            StickyValue = cookie?.ValueOf(endpoint.Url),
        };
        if (set.Health is { } check)
        {
            ActiveCheck.Start(target, check, upstreams, handshake, time);
        }

        return target;
    }

    private static void CheckBounds(EndpointSet set, string field)
    {
        if (set.Endpoints.All(e => e.Weight == 0))
        {
            throw new Refused($"{field}/endpoints", "Every endpoint has the weight 0, so none would get a request.");
        }

        if (set.RetryPercent is < 0 or > 100)
        {
            throw new Refused($"{field}/retryPercent", "A retry budget is 0 to 100 percent.");
        }

        if (set.MaxRequests < 1)
        {
            throw new Refused($"{field}/maxRequests", "An endpoint takes at least one request at a time.");
        }

        if (set.Breaker is { Failures: < 2 })
        {
            throw new Refused(
                $"{field}/breaker/failures",
                "A breaker opens after 2 failures at the earliest: one failed call suspends no endpoint."
            );
        }

        if (set.Breaker is { } breaker)
        {
            Check(breaker.OpenFor, $"{field}/breaker/openFor");
        }

        if (set.Health is not { } health)
        {
            return;
        }

        if (health.Interval < TimeSpan.FromSeconds(1) || health.Interval > s_longestTimeout)
        {
            throw new Refused(
                $"{field}/health/interval",
                "An endpoint is asked every second at most, every hour at least."
            );
        }

        Check(health.Timeout, $"{field}/health/timeout");
        if (health.Failures < 1 || health.Successes < 1)
        {
            throw new Refused(
                $"{field}/health",
                "It takes at least one answer to change what is thought of an endpoint."
            );
        }

        if (!health.Path.StartsWith('/') || health.Path.AsSpan().ContainsAnyInRange('\0', ' '))
        {
            throw new Refused($"{field}/health/path", $"'{health.Path}' is no path.");
        }
    }

    private static void Check(TimeSpan timeout, string field)
    {
        if (timeout <= TimeSpan.Zero || timeout > s_longestTimeout)
        {
            throw new Refused(field, $"A timeout is more than 0 and at most {s_longestTimeout.TotalHours} h.");
        }
    }
}
