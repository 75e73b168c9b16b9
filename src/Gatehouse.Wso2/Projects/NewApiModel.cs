using System.Globalization;
using System.Text.Json.Nodes;

namespace Gatehouse.Wso2;

/// <summary>The API as the publisher's REST writes it (3.x, 4.x): <c>api.yaml</c> with <c>data</c>.</summary>
internal sealed class NewApiModel(DataReader log, Dictionary<string, OperationDraft> operations)
{
    private static readonly HashSet<string> s_unneeded = new(StringComparer.Ordinal)
    {
        "id",
        "provider",
        "revisionId",
        "isRevision",
        "createdTime",
        "lastUpdatedTime",
        "lastUpdatedTimestamp",
        "workflowStatus",
        "hasThumbnail",
        "gatewayVendor",
        "gatewayType",
        "endpointImplementationType",
        "accessControl",
        "accessControlRoles",
        "visibility",
        "visibleRoles",
        "visibleTenants",
        "visibleOrganizations",
        "subscriptionAvailability",
        "subscriptionAvailableTenants",
        "tags",
        "categories",
        "businessInformation",
        "additionalProperties",
        "additionalPropertiesMap",
        "monetization",
        "advertiseInfo",
        "serviceInfo",
        "labels",
        "gatewayEnvironments",
        "deploymentEnvironments",
        "keyManagers",
        "websubSubscriptionConfiguration",
        "asyncTransportProtocols",
        "threatProtectionPolicies",
        "destinationStatsEnabled",
        "enableStore",
        "testKey",
        "wsdlInfo",
        "wsdlUrl",
        "apiOwner",
        "revisionedApiId",
        "isLatest",
        "enableSubscriberVerification",
        "organizationPolicies",
        "initiatedFromGateway",
        "egress",
        "subtypeConfiguration",
        "primaryProductionEndpointId",
        "primarySandboxEndpointId",
        "apiKeyHeader",
        "transport",
        "displayName",
        "audience",
        "policies",
        "type",
        "scopes",
        "mediationPolicies",
        "apiThrottlingPolicy",
        "enableSchemaValidation",
        "scopePrefix",
        "contextTemplate",
    };

    public ProjectDraft Read(DataNode root)
    {
        var draft = new ProjectDraft();
        foreach (var (name, _, value) in root.Members)
        {
            Member(name, value, draft);
        }

        return draft;
    }

    private void Member(string name, DataNode value, ProjectDraft draft)
    {
        switch (name)
        {
            case "name":
                draft.Name = value.Text;
                log.Converted(value, name, "name");
                break;
            case "version":
                draft.Version = value.Text;
                log.Converted(value, name, "version");
                break;
            case "context":
                draft.Context = value.Text;
                log.Converted(value, name, "context");
                break;
            case "description":
                log.NotNeeded(value, name, "the document's own description counts");
                break;
            case "type":
                Type(value, draft);
                break;
            case "lifeCycleStatus":
                Status(value, name);
                break;
            case "isDefaultVersion":
                draft.IsDefaultVersion = value.Text is "true";
                log.Converted(value, name, "isDefaultVersion");
                break;
            case "responseCachingEnabled":
                draft.CacheSeconds = value.Text is "true" ? draft.CacheSeconds ?? 300 : null;
                log.Converted(value, name, "cache");
                break;
            case "cacheTimeout":
                Cache(value, draft);
                break;
            case "enableSchemaValidation" when value.Text is "true":
                draft.Validates = true;
                log.Converted(value, name, "validate", "requests that do not fit are refused with 400");
                break;
            case "apiThrottlingPolicy":
                draft.Policy = value.Text is "Unlimited" ? null : value.Text;
                log.Converted(value, name, "policy");
                break;
            case "authorizationHeader" when value.Text is { } header:
                draft.AuthorizationHeader = header;
                log.Converted(value, name, "authorizationHeader");
                break;
            case "apiKeyHeader" when value.Text is { } header:
                draft.ApiKeyHeader = header;
                log.Converted(value, name, "apiKeyHeader");
                break;
            case "securityScheme":
                (draft.Auth, draft.ClientCertificate) = Security.Of([
                    .. value.Items.Select(i => i.Text).OfType<string>(),
                ]);
                log.Converted(value, name, "auth");
                break;
            case "maxTps":
                draft.MaxTps = Number(value["production"]);
                draft.SandboxMaxTps = Number(value["sandbox"]);
                log.Converted(value["production"], "maxTps.production", "maxTps");
                log.Converted(value["sandbox"], "maxTps.sandbox", "sandboxMaxTps");
                break;
            case "corsConfiguration":
                draft.Cors = CorsModel.Read(log, value);
                break;
            case "endpointConfig":
                EndpointConfig.Read(log, value, draft);
                break;
            case "endpointImplementationType":
                draft.IsMock = value.Text is "INLINE" or "MOCKED_OAS";
                log.Converted(
                    value,
                    name,
                    draft.IsMock ? "mock" : "x-gatehouse-endpoints",
                    draft.IsMock ? "by the examples of the document; scripts are not run" : null
                );
                break;
            case "operations":
                foreach (var operation in value.Items)
                {
                    Operation(operation);
                }

                break;
            case "apiPolicies":
                var others = new JsonArray();
                OperationPolicies.Read(log, value, name, draft.Mediation, others);
                break;
            case "mediationPolicies" when value.Items.Length > 0:
                log.NeedsYou(
                    value,
                    name,
                    "sequences of the project's Sequences folder are read; one that lies in the old registry has to be exported from there"
                );
                break;
            case "transport":
                if (value.Items is [{ Text: "http" or "https" }])
                {
                    log.NeedsYou(
                        value,
                        name,
                        "callers came in one way only: close the other port with listen.gateway, which is for all APIs"
                    );
                }
                else
                {
                    log.Converted(value, name, "both ports");
                }

                break;
            case "policies":
                log.NotNeeded(value, name, "an application subscribes on any plan of the cluster: gatehouse plan list");
                break;
            case "audiences" when value.Items.Length > 0:
                log.NeedsYou(value, name, "give them with --audience, as your issuer spells them");
                break;
            case "scopes":
                log.NotNeeded(
                    value,
                    name,
                    "scopes are those that the operations name; which role gets which is the issuer's business"
                );
                break;
            case "visibility" when value.Text is not "PUBLIC" and not null:
                log.NeedsYou(value, name, "who may see an API is not told apart by roles");
                break;
            default:
                if (
                    s_unneeded.Contains(name)
                    || value
                        is DataScalar { IsNull: true }
                            or DataList { All.IsEmpty: true }
                            or DataMap { All.IsEmpty: true }
                )
                {
                    log.NotNeeded(value, name, "of the old publisher; nothing the gateway does depends on it");
                }
                else
                {
                    log.NeedsYou(value, name, "this reader does not know it: find out what it is for");
                }

                break;
        }
    }

    private void Type(DataNode value, ProjectDraft draft)
    {
        draft.UnfitType = value.Text switch
        {
            null or "HTTP" or "REST" => null,
            "WS" =>
                "a WebSocket API: make it of an OpenAPI document with a GET operation for its path, see docs/reference/endpoints.md",
            "GRAPHQL" =>
                "GraphQL is passed on as any POST: make an API with POST /graphql of it; depth and complexity are not looked at",
            "SOAP" or "SOAPTOREST" =>
                "SOAP is passed on as any POST: make an API with POST of it; bodies are not changed to JSON",
            var other => $"an API of type {other} has no counterpart yet",
        };
        if (draft.UnfitType is null)
        {
            log.NotNeeded(value, "type", "HTTP is what APIs are");
        }
    }

    private void Status(DataNode value, string name)
    {
        switch (value.Text)
        {
            case "PUBLISHED":
                log.Converted(value, name, "'gatehouse deploy' after the import serves it");
                break;
            case "CREATED" or "RETIRED":
                log.NotNeeded(value, name, "it was not served: do not deploy it");
                break;
            default:
                log.NeedsYou(value, name, $"after the import, set its state to {value.Text}: gatehouse api --help");
                break;
        }
    }

    private void Cache(DataNode value, ProjectDraft draft)
    {
        if (draft.CacheSeconds is not null && Number(value) is { } seconds)
        {
            draft.CacheSeconds = seconds;
        }

        log.Converted(value, "cacheTimeout", "cache.defaultSeconds");
    }

    private void Operation(DataNode operation)
    {
        if (operation["target"]?.Text is not { } target || operation["verb"]?.Text is not { } verb)
        {
            return;
        }

        var key = $"{verb.ToUpperInvariant()} {target}";
        var draft = new OperationDraft
        {
            AuthType = operation["authType"]?.Text,
            Policy = operation["throttlingPolicy"]?.Text,
        };
        operations[key] = draft;
        log.Converted(operation["target"], $"operations[{key}]", "the operation");
        log.Converted(operation["authType"], $"operations[{key}].authType", "x-auth-type");
        log.Converted(operation["throttlingPolicy"], $"operations[{key}].throttlingPolicy", "x-throttling-tier");
        if (operation["scopes"]?.Items.Length > 0)
        {
            log.Converted(operation["scopes"], $"operations[{key}].scopes", "the document's security says the same");
        }

        OperationPolicies.Read(
            log,
            operation["operationPolicies"],
            $"operations[{key}].operationPolicies",
            draft.Mediation,
            draft.Others
        );
    }

    public static int? Number(DataNode? node) =>
        int.TryParse(node?.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0 ? n : null;
}

/// <summary><c>corsConfiguration</c>, spelled alike in both generations.</summary>
internal static class CorsModel
{
    public static JsonObject? Read(DataReader log, DataNode cors)
    {
        var enabled = cors["corsConfigurationEnabled"]?.Text is "true";
        foreach (var (name, _, value) in cors.Members)
        {
            if (!enabled)
            {
                log.NotNeeded(value, $"corsConfiguration.{name}", "switched off");
            }
            else if (name != "accessControlAllowCredentials" && name != "accessControlAllowOrigins")
            {
                log.Converted(value, $"corsConfiguration.{name}", "cors");
            }
        }

        if (!enabled)
        {
            return null;
        }

        var settings = new JsonObject();
        var origins = cors["accessControlAllowOrigins"];
        settings["allowOrigins"] = CorsText.Origins(
            string.Join(',', origins?.Items.Select(i => i.Text) ?? ["*"]),
            out var odd
        );
        if (odd is not null)
        {
            log.Dangerous(
                origins,
                "corsConfiguration.accessControlAllowOrigins",
                $"'{odd}' was compiled to an expression without ends, so that other sites matched it too; here only sub-domains do: check what is meant",
                "cors.allowOrigins"
            );
        }
        else
        {
            log.Converted(origins, "corsConfiguration.accessControlAllowOrigins", "cors.allowOrigins");
        }

        if (cors["accessControlAllowHeaders"]?.Items is { Length: > 0 } headers)
        {
            settings["allowHeaders"] = CorsText.List(string.Join(',', headers.Select(h => h.Text)));
        }

        if (cors["accessControlAllowMethods"]?.Items is { Length: > 0 } methods)
        {
            settings["allowMethods"] = CorsText.List(string.Join(',', methods.Select(m => m.Text)));
        }

        var credentials = cors["accessControlAllowCredentials"];
        if (
            credentials?.Text is "true"
            && settings["allowOrigins"] is JsonArray list
            && list.Any(o => (string?)o == "*")
        )
        {
            log.Dangerous(
                credentials,
                "corsConfiguration.accessControlAllowCredentials",
                "every page on the web could act with its visitor's credentials; left out: name the origins first"
            );
        }
        else if (credentials?.Text is "true")
        {
            settings["allowCredentials"] = true;
        }

        log.Converted(credentials, "corsConfiguration.accessControlAllowCredentials", "cors.allowCredentials");
        return settings;
    }
}
