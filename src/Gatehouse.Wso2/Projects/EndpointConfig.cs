namespace Gatehouse.Wso2;

/// <summary><c>endpointConfig</c> of both generations: an object, or the same as a JSON text inside a string.</summary>
internal static class EndpointConfig
{
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
            draft.Production.Algorithm = "round-robin";
            draft.Production.Sticky =
                config["sessionManagement"]?.Text is "transport" or "simpleClientSession" or "soap";
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
                    Security(log, value, path);
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

            Config(log, all[i]["config"], path, into);
            foreach (var (name, _, value) in all[i].Members)
            {
                log.NotNeeded(value is DataScalar ? value : null, $"{path}.{name}", "of the old publisher");
            }
        }
    }

    private static void Config(DataReader log, DataNode? config, string path, EndpointDraft into)
    {
        foreach (var (name, _, value) in config?.Members ?? [])
        {
            var at = $"{path}.config.{name}";
            if (name == "actionDuration" && EndpointDraft.Seconds(value.Text) is { } seconds)
            {
                into.ResponseTimeout = Math.Max(into.ResponseTimeout ?? 0, seconds);
                log.Converted(value, at, "x-gatehouse-endpoints.responseTimeout");
            }
            else
            {
                log.NotNeeded(
                    value,
                    at,
                    "one failed call never suspends an endpoint here; see docs/reference/endpoints.md for breaker"
                );
            }
        }
    }

    private static void Security(DataReader log, DataNode security, string path)
    {
        foreach (var (name, _, value) in security.Members)
        {
            if (value["enabled"]?.Text is "true" || value["type"]?.Text is { } type && type != "NONE")
            {
                log.Dangerous(
                    value,
                    $"{path}.{name}",
                    "credentials of the backend; they are not carried over: give them with 'gatehouse api credential'"
                );
            }
            else
            {
                log.NotNeeded(value, $"{path}.{name}", "switched off");
            }
        }
    }
}
