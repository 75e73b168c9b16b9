using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>
/// Makes the document of the REST API from its routes: what ASP.NET Core tells of their parameters and types, completed by what
/// every route of ours has in common, in the words of the docstrings.
/// </summary>
internal static partial class RestDescription
{
    private const string Facts = "x-facts";
    private const string Problem = "#/components/responses/Problem";

    // Filled while the document is generated, which is once in a process.
    private static readonly Dictionary<string, Type> s_types = new(StringComparer.Ordinal);

    /// <summary>Where the document lies.</summary>
    public static string Folder { get; } =
        Path.GetFullPath(Path.Combine(ThisFolder(), "../../../../docs/reference/rest-api"));

    /// <summary>The document that is checked in.</summary>
    public static JsonNode Read() => JsonNode.Parse(File.ReadAllBytes(Path.Combine(Folder, "openapi.json")))!;

    public static void AddRestDescription(this IServiceCollection services) =>
        services.AddOpenApi(
            "rest",
            options =>
            {
                options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
                options.ShouldInclude = route =>
                    route.RelativePath?.StartsWith("api/v1/", StringComparison.Ordinal) == true;
                options.AddOperationTransformer(NoteFacts);
                options.AddSchemaTransformer(Describe);
            }
        );

    public static void MapRestDescription(this WebApplication app) =>
        app.MapOpenApi("/description/{documentName}.json").AllowAnonymous();

    /// <summary>The type that a schema describes, once <see cref="MakeAsync"/> made the document.</summary>
    public static Type TypeOf(string schema) =>
        s_types.GetValueOrDefault(schema)
        ?? throw new InvalidOperationException($"No route answers with or takes a type called {schema}.");

    /// <summary>A route's pattern as the document writes it.</summary>
    public static string PathOf(string? pattern) => "/" + Constraint().Replace(pattern ?? "", "{$1}").Trim('/');

    /// <summary>The whole document.</summary>
    public static async Task<JsonObject> MakeAsync(RestHost host)
    {
        var (_, text) = await host.SendAsync("GET", "/description/rest.json", null);
        var raw = JsonNode.Parse(text)!.AsObject();
        var paths = new JsonObject();
        foreach (var (path, methods) in raw["paths"]!.AsObject().OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            var item = new JsonObject();
            foreach (var (method, operation) in methods!.AsObject())
            {
                item[method] = Operation(method, PathOf(path), operation!.AsObject());
            }

            paths[PathOf(path)] = item;
        }

        var schemas = new JsonObject();
        foreach (
            var (name, schema) in raw["components"]!["schemas"]!.AsObject().OrderBy(s => s.Key, StringComparer.Ordinal)
        )
        {
            schemas[name] = Words(name, schema!.DeepClone().AsObject());
        }

        var document = new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "Gatehouse REST API",
                ["version"] = "1",
                ["description"] =
                    "Everything the consoles and the command line do. Lists are read in pages with `limit` and `offset`. "
                    + "What was read comes with an `ETag`; sent back as `If-Match` it keeps a change from overwriting "
                    + "another (412). Failures are problem documents (RFC 9457); `errors` names the place of each fault "
                    + "as a JSON pointer.",
                ["license"] = new JsonObject { ["name"] = "MIT", ["identifier"] = "MIT" },
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["tags"] = new JsonArray([
                .. paths
                    .Select(p => TagOf(p.Key))
                    .Distinct()
                    .Order(StringComparer.Ordinal)
                    .Select(t => (JsonNode)new JsonObject { ["name"] = t }),
            ]),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas,
                ["responses"] = new JsonObject
                {
                    ["Problem"] = new JsonObject
                    {
                        ["description"] = "What is wrong, where, and what to do (RFC 9457)",
                        ["content"] = new JsonObject
                        {
                            ["application/problem+json"] = new JsonObject { ["schema"] = Reference("ProblemDocument") },
                        },
                    },
                },
                ["securitySchemes"] = new JsonObject
                {
                    ["bearer"] = new JsonObject
                    {
                        ["type"] = "http",
                        ["scheme"] = "bearer",
                        ["description"] = "An access token (`gha_…`), or one of the key manager",
                    },
                    ["session"] = new JsonObject
                    {
                        ["type"] = "apiKey",
                        ["in"] = "cookie",
                        ["name"] = SessionAuthentication.CookieName,
                        ["description"] = "The cookie of a browser's session",
                    },
                },
            },
        };
        Simplify(document["components"]!["schemas"]!);
        Simplify(document["paths"]!);
        Promise(document);
        return document;
    }

    public static string Write(JsonNode document) =>
        document.ToJsonString(
            new JsonSerializerOptions
            {
                WriteIndented = true,
                Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }
        ) + "\n";

    private static string ThisFolder([System.Runtime.CompilerServices.CallerFilePath] string file = "") =>
        Path.GetDirectoryName(file)!;

    private static Task NoteFacts(
        OpenApiOperation operation,
        OpenApiOperationTransformerContext context,
        CancellationToken cancellation
    )
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var body = metadata.OfType<RouteBody>().SingleOrDefault();
        operation.Extensions ??= new Dictionary<string, IOpenApiExtension>();
        operation.Extensions[Facts] = new JsonNodeExtension(
            new JsonObject
            {
                ["permission"] = metadata
                    .OfType<PermissionRequirement>()
                    .SingleOrDefault()
                    ?.Permission.ToString()
                    .ToLowerInvariant(),
                ["open"] = metadata.OfType<IAllowAnonymous>().Any(),
                ["conditional"] = metadata.OfType<ConditionalRoute>().Any(),
                ["paged"] = metadata.OfType<PagedRoute>().Any(),
                ["creates"] = metadata.OfType<IdempotentRoute>().Any(),
                ["rest"] = metadata.OfType<RestOfPathRoute>().Any(),
                ["headers"] = new JsonArray([
                    .. metadata
                        .OfType<RouteHeader>()
                        .Select(h => (JsonNode)Parameter(h.Name, "header", "string", h.Description)),
                ]),
                ["also"] = metadata.OfType<OtherAnswer>().SingleOrDefault()?.MediaType,
                ["bodyType"] = body?.Type?.Name,
                ["bodyMedia"] = body is null
                    ? null
                    : new JsonArray([.. body.MediaTypes.Select(m => (JsonNode)JsonValue.Create(m))]),
            }
        );
        return Task.CompletedTask;
    }

    // Types that are written by a converter of their own, of which nothing can be told from their members.
    private static Task Describe(
        OpenApiSchema schema,
        OpenApiSchemaTransformerContext context,
        CancellationToken cancellation
    )
    {
        var type = context.JsonTypeInfo.Type;
        var bare = Nullable.GetUnderlyingType(type) ?? type;
        if (
            OpenApiOptions.CreateDefaultSchemaReferenceId(context.JsonTypeInfo) is { } name
            && !s_types.TryAdd(name, bare)
            && s_types[name] != bare
        )
        {
            throw new InvalidOperationException($"{bare} and {s_types[name]} have one name in the document.");
        }

        if (bare == typeof(Digest) || bare == typeof(Quota) || bare == typeof(Profile))
        {
            schema.Type = JsonSchemaType.String;
            if (bare == typeof(Profile))
            {
                schema.Enum = [.. Enum.GetValues<Profile>().Select(p => (JsonNode)JsonValue.Create(p.Name())!)];
            }
        }

        return Task.CompletedTask;
    }

    private static JsonObject Operation(string method, string path, JsonObject raw)
    {
        var facts = raw[Facts]!;
        var permission = facts["permission"]?.GetValue<string>();
        var conditional = facts["conditional"]!.GetValue<bool>();
        var creates = facts["creates"]!.GetValue<bool>();
        var operation = new JsonObject
        {
            ["operationId"] = IdOf(method, path, raw),
            ["tags"] = new JsonArray(TagOf(path)),
            ["summary"] = raw["summary"]?.DeepClone(),
        };
        if (permission is not null)
        {
            operation["description"] = $"Needs the permission `{permission}`.";
            operation["x-permission"] = permission;
        }

        operation["security"] = facts["open"]!.GetValue<bool>()
            ? new JsonArray()
            : new JsonArray(
                new JsonObject { ["bearer"] = new JsonArray() },
                new JsonObject { ["session"] = new JsonArray() }
            );

        var parameters = Parameters(path, raw, facts, conditional, creates);
        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (Body(raw, facts) is { } body)
        {
            operation["requestBody"] = body;
        }

        operation["responses"] = Responses(method, raw["responses"]!.AsObject(), facts, conditional, creates);
        return operation;
    }

    private static JsonArray Parameters(string path, JsonObject raw, JsonNode facts, bool conditional, bool creates)
    {
        var parameters = raw["parameters"]?.DeepClone().AsArray() ?? [];
        foreach (Match name in Placeholder().Matches(path))
        {
            if (!parameters.Any(p => p!["name"]!.GetValue<string>() == name.Groups[1].Value))
            {
                parameters.Add(Parameter(name.Groups[1].Value, "path", "string"));
            }
        }

        if (facts["paged"]!.GetValue<bool>())
        {
            parameters.Add(Parameter("limit", "query", "integer"));
            parameters.Add(Parameter("offset", "query", "integer"));
        }

        foreach (var parameter in parameters.Select(p => p!.AsObject()))
        {
            var name = parameter["name"]!.GetValue<string>();
            if (parameter["in"]!.GetValue<string>() == "query")
            {
                // An array that may be left out is said to be required.
                parameter.Remove("required");
                // Names are bound whatever their case; ours are written as members of bodies are.
                parameter["name"] = JsonNamingPolicy.CamelCase.ConvertName(name);
            }

            switch (name)
            {
                case "limit":
                    parameter["description"] = "How many to answer with at most";
                    break;
                case "offset":
                    parameter["description"] = "How many to leave out before";
                    break;
            }
        }

        if (facts["rest"]!.GetValue<bool>())
        {
            var last = parameters.Last(p => p!["in"]!.GetValue<string>() == "path")!;
            last["description"] = "The rest of the path: its slashes are its own";
            last["x-rest-of-path"] = true;
        }

        foreach (var header in facts["headers"]!.AsArray())
        {
            parameters.Add(header!.DeepClone());
        }

        if (conditional)
        {
            parameters.Add(
                Parameter(
                    "If-Match",
                    "header",
                    "string",
                    "The ETag that was read: 412 when it is no more what there is"
                )
            );
        }

        if (creates)
        {
            parameters.Add(
                Parameter(
                    "Idempotency-Key",
                    "header",
                    "string",
                    "Any text of up to 255 characters: the same request with the same key within a day is done once"
                )
            );
        }

        return parameters;
    }

    private static JsonObject Parameter(string name, string place, string type, string? description = null)
    {
        var parameter = new JsonObject { ["name"] = name, ["in"] = place };
        if (place == "path")
        {
            parameter["required"] = true;
        }

        if (description is not null)
        {
            parameter["description"] = description;
        }

        parameter["schema"] = new JsonObject { ["type"] = type };
        return parameter;
    }

    private static JsonNode? Body(JsonObject raw, JsonNode facts)
    {
        if (facts["bodyMedia"] is not JsonArray media)
        {
            return raw["requestBody"]?.DeepClone();
        }

        var schema = facts["bodyType"]?.GetValue<string>() is { } type ? Reference(type) : [];
        var content = new JsonObject();
        foreach (var one in media)
        {
            content[one!.GetValue<string>()] = new JsonObject { ["schema"] = schema.DeepClone() };
        }

        return new JsonObject { ["required"] = true, ["content"] = content };
    }

    private static JsonObject Responses(string method, JsonObject raw, JsonNode facts, bool conditional, bool creates)
    {
        var responses = new JsonObject();
        foreach (
            var (status, response) in raw.Where(r => r.Key[0] is '2' or '3').OrderBy(r => r.Key, StringComparer.Ordinal)
        )
        {
            responses[status] = response!.DeepClone();
            if (facts["also"]?.GetValue<string>() is { } also && responses[status]!["content"] is JsonObject content)
            {
                content[also] = new JsonObject { ["schema"] = new JsonObject { ["type"] = "string" } };
            }

            if (responses[status]!["content"]?["application/octet-stream"] is not null)
            {
                // Bytes of whatever type they were given with, which ASP.NET Core has no word for.
                responses[status]!["content"] = new JsonObject { ["*/*"] = new JsonObject() };
            }
        }

        var failures = new SortedSet<string>(StringComparer.Ordinal) { "400", "404" };
        if (!facts["open"]!.GetValue<bool>())
        {
            failures.UnionWith(["401", "403"]);
        }

        if (method != "get")
        {
            failures.UnionWith(["409", "413", "415"]);
        }

        if (conditional)
        {
            failures.Add("412");
        }

        if (creates)
        {
            failures.Add("422");
        }

        foreach (var status in failures.Append("default"))
        {
            responses[status] = new JsonObject { ["$ref"] = Problem };
        }

        return responses;
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/components/schemas/{name}" };

    /// <summary>The first segment: what the route is about.</summary>
    private static string TagOf(string path) => path["/api/v1/".Length..].Split('/')[0];

    /// <summary>A name for a route, the same as long as its method and path are: <c>getDocumentOfApi</c>.</summary>
    // What neither its method nor its path names well.
    private static readonly FrozenDictionary<string, string> s_names = new Dictionary<string, string>
    {
        ["POST /api/v1/alert-rules/{name}/secret"] = "createSecretOfAlertRule",
        ["POST /api/v1/alert-rules/{name}/test"] = "testAlertRule",
        ["POST /api/v1/apis"] = "importApi",
        ["POST /api/v1/apis/create"] = "createApi",
        ["POST /api/v1/apis/{id}/deployments"] = "deployApi",
        ["DELETE /api/v1/apis/{id}/deployments"] = "undeployApi",
        ["POST /api/v1/apis/{id}/lifecycle"] = "changeLifecycleOfApi",
        ["POST /api/v1/apis/{id}/rollback"] = "rollBackApi",
        ["POST /api/v1/authority/rotation"] = "beginAuthorityRotation",
        ["POST /api/v1/authority/rotation/next"] = "advanceAuthorityRotation",
        ["POST /api/v1/key-manager/keys"] = "createSigningKey",
        ["POST /api/v1/keys/{id}/roll"] = "rollKey",
        ["POST /api/v1/links"] = "redeemLink",
        ["POST /api/v1/login"] = "redeemSignInCode",
        ["POST /api/v1/logout"] = "signOut",
        ["POST /api/v1/mail-settings/test"] = "testMailSettings",
        ["POST /api/v1/me/authenticator"] = "beginMyAuthenticator",
        ["POST /api/v1/me/authenticator/confirmation"] = "confirmMyAuthenticator",
        ["POST /api/v1/me/passkeys/options"] = "beginMyPasskey",
        ["POST /api/v1/me/password"] = "changeMyPassword",
        ["POST /api/v1/nodes/{name}/certificate/renewal"] = "renewCertificateOfNode",
        ["POST /api/v1/nodes/{name}/drain"] = "drainNode",
        ["POST /api/v1/nodes/{name}/undrain"] = "undrainNode",
        ["GET /api/v1/openapi.json"] = "getOpenApiDocument",
        ["POST /api/v1/revocations"] = "revokeToken",
        ["POST /api/v1/set-up"] = "setUp",
        ["GET /api/v1/sign-in"] = "getSignInOptions",
        ["POST /api/v1/sign-in"] = "signIn",
        ["GET /api/v1/sign-in/oidc"] = "signInWithProvider",
        ["POST /api/v1/sign-in/one-time-code"] = "signInWithOneTimeCode",
        ["POST /api/v1/sign-in/passkey"] = "signInWithPasskey",
        ["POST /api/v1/sign-in/passkey/options"] = "beginSignInWithPasskey",
        ["POST /api/v1/sign-up"] = "signUp",
        ["GET /api/v1/applications/{app}/usage"] = "getUsageOfApplication",
        ["GET /api/v1/usage"] = "getUsage",
        ["POST /api/v1/takeovers"] = "takeOverApplication",
        ["POST /api/v1/tasks/{id}"] = "decideTask",
        ["POST /api/v1/users/{user}/link"] = "createLinkOfUser",
        ["POST /api/v1/users/{user}/lock"] = "lockUser",
        ["POST /api/v1/users/{user}/unlock"] = "unlockUser",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // A list is listed and one thing got. A POST either makes something or has a name above.
    private static string IdOf(string method, string path, JsonObject raw)
    {
        var route = $"{method.ToUpperInvariant()} {path}";
        if (s_names.TryGetValue(route, out var named))
        {
            return named;
        }

        var verb = method switch
        {
            "get" when IsList(raw) => "list",
            "post" => raw["responses"]!.AsObject().ContainsKey("201")
                ? "create"
                : throw new InvalidOperationException($"Give {route} a name in {nameof(s_names)}."),
            _ => method,
        };
        // What stands between parameters is one thing, the last one first: getContentOfDocumentOfApi.
        var things = Regex
            .Split(path["/api/v1/".Length..].TrimEnd('/'), @"(?:/\{\w+\})+/?")
            .Where(t => t.Length > 0)
            .ToList();
        var isOne = path.EndsWith('}') || verb == "create";
        return verb
            + string.Join("Of", things.Select((t, i) => Words(t, one: i < things.Count - 1 || isOne)).Reverse());
    }

    private static bool IsList(JsonObject raw) =>
        raw[Facts]!["paged"]!.GetValue<bool>()
        || (raw["parameters"]?.AsArray() ?? []).Any(p => p!["name"]!.GetValue<string>() == "offset")
        || raw["responses"]?["200"]?["content"]?["application/json"]?["schema"]?["type"] switch
        {
            JsonArray types => types.Any(t => t!.GetValue<string>() == "array"),
            JsonValue type => type.GetValue<string>() == "array",
            _ => false,
        };

    private static string Words(string thing, bool one)
    {
        var words = thing.Replace("me/", "my/", StringComparison.Ordinal).Split('/', '-', '.');
        if (one)
        {
            words[^1] = Singular(words[^1]);
        }

        return string.Concat(words.Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }

    private static string Singular(string word) =>
        word.EndsWith("ies", StringComparison.Ordinal) ? word[..^3] + "y"
        : word.EndsWith("ss", StringComparison.Ordinal) || !word.EndsWith('s') ? word
        : word[..^1];

    // A schema's own words, and those of its members.
    private static JsonObject Words(string name, JsonObject schema)
    {
        if (!s_types.TryGetValue(name, out var type))
        {
            return schema;
        }

        if (Docstrings.OfType(type) is { } summary)
        {
            schema["description"] = summary;
        }

        foreach (var (member, property) in schema["properties"]?.AsObject() ?? [])
        {
            var found = type.GetProperty(member, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase);
            if (found is not null && Docstrings.OfProperty(found) is { } words)
            {
                property!["description"] = words;
            }
        }

        return schema;
    }

    // System.Text.Json reads numbers from text too; nobody needs to be told.
    private static void Simplify(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject json:
                if (json["enum"] is JsonArray && json["type"] is null)
                {
                    json["type"] = "string";
                }

                if (
                    json["type"] is JsonArray types
                    && types.Any(t => t!.GetValue<string>() is "integer" or "number")
                    && types.FirstOrDefault(t => t!.GetValue<string>() == "string") is { } text
                )
                {
                    types.Remove(text);
                    json.Remove("pattern");
                    if (types.Count == 1)
                    {
                        json["type"] = types[0]!.GetValue<string>();
                    }
                }

                foreach (var (_, child) in json)
                {
                    Simplify(child);
                }

                break;
            case JsonArray array:
                foreach (var child in array)
                {
                    Simplify(child);
                }

                break;
        }
    }

    // What is only ever answered always has every member that is not null.
    private static void Promise(JsonObject document)
    {
        var schemas = document["components"]!["schemas"]!.AsObject();
        var asked = new HashSet<string>(StringComparer.Ordinal);
        var open = new Queue<JsonNode>();
        foreach (var (_, methods) in document["paths"]!.AsObject())
        {
            foreach (var (_, operation) in methods!.AsObject())
            {
                if (operation!["requestBody"] is { } body)
                {
                    open.Enqueue(body);
                }
            }
        }

        while (open.TryDequeue(out var node))
        {
            foreach (var name in References(node).Where(asked.Add))
            {
                open.Enqueue(schemas[name]!);
            }
        }

        foreach (var (name, schema) in schemas.Where(s => !asked.Contains(s.Key)))
        {
            if (schema!["properties"] is JsonObject properties)
            {
                schema["required"] = new JsonArray([
                    .. properties.Where(p => !MayBeNull(p.Value!)).Select(p => (JsonNode)JsonValue.Create(p.Key)!),
                ]);
            }
        }
    }

    private static bool MayBeNull(JsonNode schema) =>
        (schema["type"] is JsonArray types && types.Any(t => t!.GetValue<string>() == "null"))
        || (schema["oneOf"] is JsonArray any && any.Any(t => t!["type"]?.ToString() == "null"))
        || (schema["type"] is null && schema["$ref"] is null && schema["oneOf"] is null);

    /// <summary>The names of the schemas that a node refers to.</summary>
    public static IEnumerable<string> References(JsonNode? node) =>
        node switch
        {
            JsonObject json => json.SelectMany(m =>
                m.Key == "$ref" && m.Value is JsonValue value
                    ? value.GetValue<string>().Split("#/components/schemas/") is [_, var name]
                        ? [name]
                        : []
                    : References(m.Value)
            ),
            JsonArray array => array.SelectMany(References),
            _ => [],
        };

    [GeneratedRegex(@"\{\**([a-zA-Z]+)(?::[a-z]+)?\}")]
    private static partial Regex Constraint();

    [GeneratedRegex(@"\{([a-zA-Z]+)\}")]
    private static partial Regex Placeholder();
}
