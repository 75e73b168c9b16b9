using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Gatehouse.Wso2;

/// <summary>
/// <c>return</c>, and the <c>rewrite</c>s that send a caller elsewhere, as an answer of <c>balancer.hosts</c>. A rewrite that
/// changes the path on the way to a node is none: paths are passed on byte for byte.
/// </summary>
internal static partial class NginxRedirect
{
    private static readonly string[] s_ours =
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

    /// <summary>The answer of a <c>return</c>; null with the reason.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="contentType">What <c>default_type</c> says; null for nothing.</param>
    /// <param name="serverName">The first name of the server.</param>
    public static (JsonObject? Answer, string? Why) OfReturn(
        ImmutableArray<string> arguments,
        string? contentType,
        string? serverName
    )
    {
        var (code, text) = arguments switch
        {
            [var only] when !int.TryParse(only, out _) => ("302", only),
            [var only] => (only, null),
            [var first, .. var rest] => (first, string.Join(' ', rest)),
            _ => ("", null),
        };
        if (!int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var status))
        {
            return (null, $"'{code}' is no status");
        }

        if (status == 444)
        {
            return (null, "no caller is left without an answer: return 403 or 404 says as little");
        }

        if (status is < 200 or > 599)
        {
            return (null, $"{status} is not the status of an answer");
        }

        if (status is 301 or 302 or 303 or 307 or 308)
        {
            return text is null ? (null, "it sends a caller nowhere") : Redirect(status, text, serverName);
        }

        var answer = new JsonObject { ["status"] = status };
        if (text is { Length: > 0 })
        {
            if (text.Contains('$', StringComparison.Ordinal))
            {
                return (null, "a body with variables is not made: a mock policy answers at an API");
            }

            answer["body"] = text;
            if (contentType is not null)
            {
                answer["contentType"] = contentType;
            }
        }

        return (answer, null);
    }

    /// <summary>
    /// The answer of a <c>rewrite</c> that sends a caller elsewhere, and the path it is for; null with the reason.
    /// </summary>
    public static (JsonObject? Answer, string? Path, bool IsExact, string? Why) OfRewrite(
        ImmutableArray<string> arguments,
        string? serverName
    )
    {
        if (arguments is not [var pattern, var target, .. var flags])
        {
            return (null, null, false, "it has no target");
        }

        var isAbsolute = Absolute().IsMatch(target);
        var status = flags is ["permanent"] ? 301 : 302;
        if (flags is not (["permanent"] or ["redirect"]) && !isAbsolute)
        {
            return (null, null, false, Belongs(pattern, target));
        }

        if (Whole().IsMatch(pattern))
        {
            target = target
                .Replace("/$1", "$uri", StringComparison.Ordinal)
                .Replace("$1", "$uri", StringComparison.Ordinal);
            var (answer, why) = Redirect(status, WithQuery(target), serverName);
            return (answer, null, false, why);
        }

        if (Prefix().Match(pattern) is not { Success: true } match)
        {
            return (
                null,
                null,
                false,
                $"callers are sent on by the beginning of a path, not by '{pattern}': write it into balancer.hosts"
            );
        }

        var path = match.Groups["path"].Value.Replace("\\", "", StringComparison.Ordinal);
        var tail = match.Groups["tail"].Value;
        target = target.Replace(
            "$1",
            tail.Contains('(', StringComparison.Ordinal) ? "$rest" : "",
            StringComparison.Ordinal
        );
        var (sent, reason) = Redirect(status, WithQuery(target), serverName);
        return (sent, path, tail == "$", reason);
    }

    /// <summary>A text with the variables that the balancer has; null when it has others.</summary>
    public static string? Translate(string text, string? serverName)
    {
        var known = true;
        var translated = Variable()
            .Replace(
                text,
                match =>
                {
                    var name = match.Groups[1].Value;
                    var ours = name switch
                    {
                        "http_host" => "host",
                        "query_string" => "args",
                        "document_uri" => "uri",
                        _ => name,
                    };
                    if (name == "server_name" && serverName is not null)
                    {
                        return serverName;
                    }

                    known &= s_ours.Contains(ours);
                    return $"${ours}";
                }
            );
        return known ? translated : null;
    }

    private static (JsonObject? Answer, string? Why) Redirect(int status, string target, string? serverName)
    {
        if (Translate(target, serverName) is not { } location)
        {
            return (
                null,
                $"'{target}' has variables that the balancer has not; it has $host, $request_uri, $uri, $args and $scheme"
            );
        }

        return
            Absolute().IsMatch(location)
            || location is ['/', not '/', ..] or "/"
            || location.StartsWith("$uri", StringComparison.Ordinal)
            || location.StartsWith("$request_uri", StringComparison.Ordinal)
            ? (new JsonObject { ["status"] = status, ["location"] = location }, null)
            : (null, $"'{target}' is no place to go");
    }

    // NGINX adds the query unless the target ends in '?', or says itself what becomes of it.
    private static string WithQuery(string target) =>
        target.EndsWith('?') ? target[..^1]
        : target.Contains('?', StringComparison.Ordinal)
        || target.Contains("$request_uri", StringComparison.Ordinal)
        || target.Contains("$args", StringComparison.Ordinal)
            ? target
        : target + "$is_args$args";

    private static string Belongs(string pattern, string target) =>
        $"it changes the path of a call, and the balancer passes paths on byte for byte: give the API the context that callers use (gatehouse api import --context), or its operations the policy {{ \"name\": \"rewrite\", \"settings\": {{ \"path\": \"/…\" }} }} for '{pattern}' to '{target}'";

    [GeneratedRegex(@"\$\{?([A-Za-z0-9_]+)\}?")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\A(https?://|\$scheme://)[^/]")]
    private static partial Regex Absolute();

    [GeneratedRegex(@"\A\^?/?(\(?\.\*\)?)?\$?\z")]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A\^(?<path>/(?:[A-Za-z0-9_~/-]|\\?\.)+?)(?<tail>\$|\(\.\*\)\$?|\.\*\$?|\(/\.\*\)\$?|)\z")]
    private static partial Regex Prefix();
}
