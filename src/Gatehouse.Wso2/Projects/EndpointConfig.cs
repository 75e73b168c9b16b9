using System.Globalization;

namespace Gatehouse.Wso2;

/// <summary><c>endpointConfig</c> of both generations: an object, or the same as a JSON text inside a string.</summary>
internal static class EndpointConfig
{
    private const double LongestSilence = 3600;

    public static void Read(DataReader log, DataNode config, ProjectDraft draft)
    {
        var type = config["endpoint_type"]?.Text ?? "http";
        log.Converted(config["endpoint_type"], "endpointConfig.endpoint_type", "x-gatehouse-endpoints");
        if (type is not ("http" or "address" or "load_balance" or "failover" or "service" or "ws"))
        {
            log.NeedsYou(
                config,
                "endpointConfig",
                $"a backend of type '{type}' has no counterpart: give the API one with --endpoint"
            );
            return;
        }

        foreach (
            var (member, draftOf, failovers) in new[]
            {
                ("production_endpoints", draft.Production, "production_failovers"),
                ("sandbox_endpoints", draft.Sandbox, "sandbox_failovers"),
            }
        )
        {
            Group(log, config[member], $"endpointConfig.{member}", draftOf, type, 0);
            Group(log, config[failovers], $"endpointConfig.{failovers}", draftOf, "failover", 1);
        }

        if (type == "load_balance")
        {
            var isSticky = config["sessionManagement"]?.Text is "transport" or "simpleClientSession" or "soap";
            foreach (var set in new[] { draft.Production, draft.Sandbox }.Where(s => s.Endpoints.Count > 0))
            {
                set.Algorithm = "round-robin";
                set.Sticky = isSticky && set.Endpoints.Count > 1;
            }
        }

        foreach (var (name, _, value) in config.Members)
        {
            var path = $"endpointConfig.{name}";
            switch (name)
            {
                case "sessionManagement":
                    log.Converted(value, path, "x-gatehouse-endpoints.sticky");
                    break;
                case "algoCombo" or "algoClassName":
                    log.Converted(value, path, "x-gatehouse-endpoints.algorithm", "round-robin");
                    break;
                case "failOver":
                    log.NotNeeded(
                        value,
                        path,
                        "a request that was certainly not sent goes to the next endpoint in any case"
                    );
                    break;
                case "sessionTimeOut":
                    log.NotNeeded(value, path, "the cookie holds as long as the endpoint looks well");
                    break;
                case "endpoint_security":
                    Security(log, value, path, draft.Name);
                    break;
                case "production_endpoints"
                or "sandbox_endpoints"
                or "production_failovers"
                or "sandbox_failovers"
                or "endpoint_type":
                    break;
                case "implementation_status":
                    log.NotNeeded(value, path, "of the old publisher");
                    break;
                default:
                    log.NotNeeded(value, path, "of the old publisher");
                    break;
            }
        }
    }

    private static void Group(
        DataReader log,
        DataNode? endpoints,
        string path,
        EndpointDraft into,
        string type,
        int firstGroup
    )
    {
        var all = endpoints switch
        {
            DataList list => list.All,
            DataMap map => [map],
            _ => [],
        };
        for (var i = 0; i < all.Length; i++)
        {
            var url = all[i]["url"];
            if (url?.Text is not { } text)
            {
                continue;
            }

            var at = $"{path}{(all.Length > 1 ? $"[{i}]" : "")}.url";
            if (EndpointDraft.Problem(text.Trim()) is { } problem)
            {
                log.NeedsYou(url, at, problem);
            }
            else
            {
                into.Endpoints.Add(
                    (EndpointDraft.Normal(text.Trim()).TrimEnd('/'), type == "failover" ? firstGroup + i : 0, null)
                );
                log.Converted(url, at, "x-gatehouse-endpoints");
            }

            Config(
                log,
                all[i]["config"],
                path,
                text.Trim() is var own && EndpointDraft.Problem(own) is null
                    ? EndpointDraft.Normal(own).TrimEnd('/')
                    : null,
                into
            );
            foreach (var (name, _, value) in all[i].Members)
            {
                log.NotNeeded(value is DataScalar ? value : null, $"{path}.{name}", "of the old publisher");
            }
        }
    }

    private static void Config(DataReader log, DataNode? config, string path, string? url, EndpointDraft into)
    {
        if (config is null)
        {
            return;
        }

        var isSuspended = Suspension(log, config, path, into);
        foreach (var (name, _, value) in config.Members)
        {
            var at = $"{path}.config.{name}";
            switch (name)
            {
                case "actionDuration" when EndpointDraft.Seconds(value.Text) is { } seconds && url is not null:
                    into.Silences[url] = seconds;
                    log.Converted(value, at, "x-gatehouse-endpoints.responseTimeout");
                    break;
                case "actionSelect" when value.Text is "neverTimeout" && url is not null:
                    into.Silences[url] = LongestSilence;
                    log.Converted(
                        value,
                        at,
                        "x-gatehouse-endpoints.responseTimeout",
                        "an hour is the longest there is"
                    );
                    break;
                case "actionSelect":
                    log.NotNeeded(value, at, "a backend that is silent for too long is answered for with 504");
                    break;
                case "factor" or "suspendMaxDuration" or "retryDelay":
                    log.NotNeeded(
                        value,
                        at,
                        "the time an endpoint is left alone does not grow: one request tries it each time"
                    );
                    break;
                case "suspendErrorCode" or "retryErroCode" or "retryErrorCode":
                    log.NotNeeded(
                        value,
                        at,
                        "no connection, silence and what is no HTTP are failures, and nothing else is"
                    );
                    break;
                default:
                    log.NotNeeded(
                        value,
                        at,
                        isSuspended ? "of the suspension, which the breaker stands for" : "of the old server"
                    );
                    break;
            }
        }
    }

    // WSO2 leaves an endpoint alone after any one error; here it takes at least two in a row.
    private static bool Suspension(DataReader log, DataNode config, string path, EndpointDraft into)
    {
        var duration = config["suspendDuration"];
        var codes = config["suspendErrorCode"];
        var isOff =
            duration?.Text is "0"
            || codes?.Text is "-1"
            || codes is DataList list && list.All.Any(code => code.Text is "-1");
        if (duration is null || isOff || EndpointDraft.Seconds(duration.Text) is not { } seconds)
        {
            log.NotNeeded(
                duration,
                $"{path}.config.suspendDuration",
                isOff ? "suspension was switched off, and no endpoint is suspended here" : "no time up to an hour"
            );
            return false;
        }

        var retries = config["retryTimeOut"];
        into.OpenFor = Math.Max(into.OpenFor ?? 1, seconds);
        if (int.TryParse(retries?.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count < 100)
        {
            into.Failures = Math.Max(into.Failures, count + 1);
            log.Converted(retries, $"{path}.config.retryTimeOut", "x-gatehouse-endpoints.breaker.failures");
        }

        log.Converted(
            duration,
            $"{path}.config.suspendDuration",
            "x-gatehouse-endpoints.breaker.openFor",
            "from the second failure in a row on at the earliest"
        );
        return true;
    }

    private static void Security(DataReader log, DataNode security, string path, string? api)
    {
        foreach (var (set, _, value) in security.Members)
        {
            var type = value["type"]?.Text?.ToUpperInvariant();
            if (value["enabled"]?.Text is not "true" && type is null or "NONE")
            {
                log.NotNeeded(value, $"{path}.{set}", "switched off");
                continue;
            }

            var command = $"gatehouse api credential {api ?? "API"}{(set == "sandbox" ? " --sandbox" : "")}";
            var arguments = type switch
            {
                "BASIC" or null => $"--type basic --user {Word(value["username"])} --secret FILE",
                "OAUTH" when value["grantType"]?.Text?.ToUpperInvariant() is not "PASSWORD" =>
                    $"--type oauth2 --user {Word(value["clientId"])} --token-url {Word(value["tokenUrl"])} --secret FILE",
                "API_KEY" or "APIKEY" =>
                    $"--type apikey {(value["apiKeyIdentifierType"]?.Text is "QUERY_PARAMETER" ? "--query" : "--header")} {Word(value["apiKeyIdentifier"])} --secret FILE",
                _ => null,
            };
            log.Dangerous(
                value,
                $"{path}.{set}",
                arguments is null
                    ? $"the backend asks for {type}{(type == "OAUTH" ? " with a user's password" : "")}, which is not spoken here: have it take Basic, a key, OAuth2 client credentials or a certificate, then 'gatehouse api credential'"
                    : $"credentials of the backend; the secret is not carried over: {command} {arguments}"
            );
        }
    }

    // Into a command line that somebody copies: nothing of the file may become a second word of it.
    private static string Word(DataNode? node) =>
        node?.Text is { Length: > 0 and <= 200 } text
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@' or ':' or '/')
            ? text
            : "…";
}
