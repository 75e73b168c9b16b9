using System.Text;

namespace Gatehouse.Wso2;

/// <summary>The API as the old import/export tool wrote it (1.x to 3.x): <c>Meta-information/api.json</c>.</summary>
internal sealed class OldApiModel(DataReader log, Dictionary<string, OperationDraft> operations)
{
    private static readonly string[] s_todo = ["inSequence", "outSequence"];

    public ProjectDraft Read(DataNode root, string? name, string? version)
    {
        var draft = new ProjectDraft { Name = name, Version = version };
        foreach (var (member, _, value) in root.Members)
        {
            Member(member, value, draft);
        }

        return draft;
    }

    private void Member(string name, DataNode value, ProjectDraft draft)
    {
        switch (name)
        {
            case "id" or "uuid":
                break;
            case "context" or "contextTemplate":
                draft.Context ??= value.Text;
                log.Converted(value, name, "context");
                break;
            case "type" when value.Text is { } type && type is not ("HTTP" or "REST"):
                draft.UnfitType =
                    $"an API of type {type}: make it of an OpenAPI document with the operations that callers use";
                break;
            case "status":
                log.Converted(value, name, "'gatehouse deploy' after the import serves it");
                break;
            case "isDefaultVersion":
                draft.IsDefaultVersion = value.Text is "true";
                log.Converted(value, name, "isDefaultVersion");
                break;
            case "apiSecurity" when value.Text is { } security:
                (draft.Auth, draft.ClientCertificate) = Security.Of(
                    security.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                );
                log.Converted(value, name, "auth");
                break;
            case "authorizationHeader" when value.Text is { } header:
                draft.AuthorizationHeader = header;
                log.Converted(value, name, "authorizationHeader");
                break;
            case "apiLevelPolicy" when value.Text is { } policy:
                draft.Policy = policy is "Unlimited" ? null : policy;
                log.Converted(value, name, "policy");
                break;
            case "productionMaxTps":
                draft.MaxTps = NewApiModel.Number(value);
                log.Converted(value, name, "maxTps");
                break;
            case "sandboxMaxTps":
                draft.SandboxMaxTps = NewApiModel.Number(value);
                log.Converted(value, name, "sandboxMaxTps");
                break;
            case "responseCache":
                draft.CacheSeconds = value.Text is "Enabled" ? draft.CacheSeconds ?? 300 : null;
                log.Converted(value, name, "cache");
                break;
            case "cacheTimeout":
                if (draft.CacheSeconds is not null && NewApiModel.Number(value) is { } seconds)
                {
                    draft.CacheSeconds = seconds;
                }

                log.Converted(value, name, "cache.defaultSeconds");
                break;
            case "endpointConfig" when value.Text is { } text:
                // JSON inside a string; its places are those of the string.
                if (SafeYaml.Read(Encoding.UTF8.GetBytes(text), value.Place.File, log.Log) is DataMap config)
                {
                    EndpointConfig.Read(log, At(config, value.Place), draft);
                }

                break;
            case "endpointConfig" when value is DataMap:
                EndpointConfig.Read(log, value, draft);
                break;
            case "corsConfiguration" when value is DataMap:
                draft.Cors = CorsModel.Read(log, value);
                break;
            case "uriTemplates":
                foreach (var template in value.Items)
                {
                    Template(template);
                }

                break;
            case "implementation":
                draft.IsMock = value.Text is "INLINE";
                log.Converted(value, name, draft.IsMock ? "mock" : "x-gatehouse-endpoints");
                break;
            case "enableSchemaValidation" when value.Text is "true":
                draft.Validates = true;
                log.Converted(value, name, "validate", "requests that do not fit are refused with 400");
                break;
            case "endpointSecured" when value.Text is "true":
                log.Dangerous(
                    value,
                    name,
                    $"credentials of the backend; the secret is not carried over: gatehouse api credential {draft.Name ?? "API"} --type basic --user USER --secret FILE"
                );
                break;
            case "endpointUTPassword" when value.Text is not null:
                log.Dangerous(value, name, "a secret in plain text: change it at the backend");
                break;
            case "transports":
                if (value.Text is "http" or "https")
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
            case "availableTiers":
                log.NotNeeded(value, name, "an application subscribes on any plan of the cluster: gatehouse plan list");
                break;
            case "scopes":
                log.NotNeeded(
                    value,
                    name,
                    "scopes are those that the operations name; which role gets which is the issuer's business"
                );
                break;
            default:
                if (s_todo.Contains(name) && value.Text is { } sequence)
                {
                    log.Converted(
                        value,
                        name,
                        "policies",
                        $"what Sequences/…/{sequence}.xml of this project says, when it is there"
                    );
                }
                else
                {
                    log.NotNeeded(value, name, "of the old publisher; nothing the gateway does depends on it");
                }

                break;
        }
    }

    private void Template(DataNode template)
    {
        if (template["uriTemplate"]?.Text is not { } path)
        {
            return;
        }

        var verbs = template["httpVerbs"]?.Items is { Length: > 0 } several
            ? several.Select(v => v.Text).OfType<string>()
            : new[] { template["httpVerb"]?.Text ?? template["verb"]?.Text }.OfType<string>();
        foreach (var verb in verbs)
        {
            var key = $"{verb.ToUpperInvariant()} {path}";
            operations[key] = new OperationDraft
            {
                AuthType = template["authType"]?.Text,
                Policy = template["throttlingTier"]?.Text,
            };
            log.Converted(template["uriTemplate"], $"uriTemplates[{key}]", "the operation");
            log.Converted(template["authType"], $"uriTemplates[{key}].authType", "x-auth-type");
            log.Converted(template["throttlingTier"], $"uriTemplates[{key}].throttlingTier", "x-throttling-tier");
        }
    }

    private static DataNode At(DataNode node, Place place) =>
        node switch
        {
            DataMap map => new DataMap([.. map.All.Select(m => (m.Name, place, At(m.Value, place)))], place),
            DataList list => new DataList([.. list.All.Select(i => At(i, place))], place),
            DataScalar scalar => scalar with { Place = place },
            _ => node,
        };
}
