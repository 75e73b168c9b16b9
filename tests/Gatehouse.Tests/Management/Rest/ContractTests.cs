using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>A walk over everything a manager keeps: each real answer is what the document promises.</summary>
public sealed class ContractTests
{
    private const string Base = "https://gatehouse.test/openapi.json";

    // Need a person at a browser, another product, a running node or a stream: gone to by the tests named.
    private static readonly string[] s_elsewhere =
    [
        "DELETE /api/v1/me/authenticator", // UserTests, with the others of people
        "DELETE /api/v1/me/passkeys/{id}", // PasskeyTests
        "DELETE /api/v1/me/sessions/{id}",
        "DELETE /api/v1/sessions/{id}",
        "DELETE /api/v1/users/{user}/authenticator",
        "GET /api/v1/events", // EventTests
        "GET /api/v1/me/passkeys",
        "GET /api/v1/nodes/{name}/inspection", // needs a node that runs
        "GET /api/v1/sign-in/oidc", // OutsideSignInTests
        "POST /api/v1/login", // SignInTests
        "POST /api/v1/logout",
        "POST /api/v1/me/authenticator",
        "POST /api/v1/me/authenticator/confirmation",
        "POST /api/v1/me/passkeys",
        "POST /api/v1/me/passkeys/options",
        "POST /api/v1/me/password",
        "POST /api/v1/set-up",
        "POST /api/v1/sign-in/one-time-code",
        "POST /api/v1/sign-in/passkey",
        "POST /api/v1/sign-in/passkey/options",
        "POST /api/v1/sign-up",
        "POST /api/v1/takeovers", // TakeoverTests
        "PUT /api/v1/me/profile",
    ];

    private const string Gold = """{"name":"Gold","quota":"5000/min"}""";

    private const string Pets = """
        {"openapi":"3.0.3","info":{"title":"Pets","version":"1.0.0"},"servers":[{"url":"http://127.0.0.1:9/"}],
         "paths":{"/pets":{"get":{"responses":{"200":{"description":"ok"}}}},"/pets/{id}":{"get":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],"responses":{"200":{"description":"ok"}}}}}}
        """;

    [Fact]
    public async Task Every_answer_is_what_the_document_promises()
    {
        await using var host = await RestHost.StartAsync(whole: true);
        var walk = new Walk(host, await host.TokenAsync());
        await TestNodes.RegisterAsync(host.Catalogue, "worker-1");

        await walk.GoAsync("GET /api/v1/openapi.json");
        await walk.GoAsync("GET /api/v1/sign-in");
        await walk.GoAsync("GET /api/v1/whoami");
        await walk.GoAsync("GET /api/v1/me");
        await walk.GoAsync("GET /api/v1/status");
        await walk.GoAsync("GET /api/v1/nodes");
        walk["name"] = "worker-1";
        await walk.GoAsync("GET /api/v1/nodes/{name}");
        await walk.GoAsync("POST /api/v1/authority/rotation");
        await walk.GoAsync("GET /api/v1/authority");
        await walk.GoAsync("POST /api/v1/authority/rotation/next", """{"without":["worker-1"]}""");
        await walk.GoAsync("DELETE /api/v1/authority/rotation");
        await walk.GoAsync("POST /api/v1/nodes/{name}/drain");
        await walk.GoAsync("POST /api/v1/nodes/{name}/undrain");
        await walk.GoAsync("GET /api/v1/certificates");
        await walk.GoAsync("POST /api/v1/nodes/{name}/certificate/renewal");
        await walk.GoAsync("POST /api/v1/environments", """{"name":"staging"}""");
        await walk.GoAsync("PUT /api/v1/nodes/{name}/environments", """{"environments":["default","staging"]}""");
        await walk.GoAsync("DELETE /api/v1/nodes/{name}");
        await walk.GoAsync("GET /api/v1/environments");
        walk["name"] = "staging";
        await walk.GoAsync("GET /api/v1/environments/{name}");
        await walk.GoAsync("PUT /api/v1/environments/{name}", """{"description":"Before production"}""");
        await walk.GoAsync("DELETE /api/v1/environments/{name}");
        await walk.GoAsync("GET /api/v1/members");
        await walk.GoAsync("GET /api/v1/hosts");
        await walk.GoAsync("GET /api/v1/gateway-keys");
        walk["id"] = await walk.GoAsync("POST /api/v1/join-tokens", """{"profile":"gateway-worker"}""", "id");
        await walk.GoAsync("GET /api/v1/join-tokens");
        await walk.GoAsync("DELETE /api/v1/join-tokens/{id}");
        await walk.GoAsync("POST /api/v1/trace-grants", "{}");

        await PublishAsync(walk);
        await ConsumeAsync(walk);
        await LimitAsync(walk);
        await AdministerAsync(walk);

        walk["id"] = "pets:1.0.0";
        await walk.GoAsync("DELETE /api/v1/apis/{id}/deployments");
        await walk.GoAsync("DELETE /api/v1/apis/{id}");
        await walk.GoAsync("GET /api/v1/audit", query: "limit=500");
        await walk.GoAsync("GET /api/v1/audit/verdict");

        Assert.Empty(walk.Broken);
        Assert.Equal(s_elsewhere, walk.Missed());
    }

    [Fact]
    public async Task A_change_on_what_is_no_more_what_was_read_is_refused()
    {
        await using var host = await RestHost.StartAsync();
        var walk = new Walk(host, await host.TokenAsync());
        await TestNodes.RegisterAsync(host.Catalogue, "worker-1");
        await PublishAsync(walk, toTheEnd: false);
        await walk.GoAsync("POST /api/v1/plans", Gold);
        Assert.Empty(walk.Broken);
        var wrong = new List<string>();
        foreach (
            var (route, body) in new (string, string?)[]
            {
                ("POST /api/v1/apis?name=pets&update=true", Pets),
                ("PUT /api/v1/apis/pets:1.0.0/openapi", Pets),
                ("PATCH /api/v1/apis/pets:1.0.0", """{"description":"other"}"""),
                (
                    "PUT /api/v1/apis/pets:1.0.0/policies",
                    """[{"name":"headers","settings":{"request":{"set":{"X-A":"b"}}}}]"""
                ),
                ("PATCH /api/v1/apis/pets:1.0.0/operations", """[{"method":"GET","path":"/pets","auth":"none"}]"""),
                ("PUT /api/v1/apis/pets:1.0.0/scopes/pets:write", "{}"),
                ("POST /api/v1/apis/pets:1.0.0/deployments", "{}"),
                ("DELETE /api/v1/apis/pets:1.0.0/deployments", null),
                ("POST /api/v1/apis/pets:1.0.0/lifecycle", """{"action":"deprecate"}"""),
                ("PUT /api/v1/apis/pets:1.0.0/listing", """{"title":"Other pets"}"""),
                (
                    "PUT /api/v1/apis/pets:1.0.0/documents/guide",
                    """{"name":"guide","type":"how-to","summary":"other"}"""
                ),
                ("PUT /api/v1/categories/animals", """{"name":"animals","description":"other"}"""),
                ("POST /api/v1/nodes/worker-1/drain", null),
                ("DELETE /api/v1/nodes/worker-1", null),
                ("PUT /api/v1/plans/Gold", """{"name":"Gold","quota":"1/min"}"""),
                ("DELETE /api/v1/plans/Gold", null),
                ("PUT /api/v1/approval-settings", """{"lifecycle":true}"""),
                ("DELETE /api/v1/apis/pets:1.0.0", null),
            }
        )
        {
            var (method, path) = (route.Split(' ')[0], route.Split(' ')[1]);
            var (response, text) = await host.SendAsync(
                method,
                path,
                walk.Token,
                body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
                ("If-Match", "\"999999\"")
            );
            if (response.StatusCode != HttpStatusCode.PreconditionFailed)
            {
                wrong.Add($"{route}: {(int)response.StatusCode} {text}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public async Task What_is_anothers_is_not_there()
    {
        await using var host = await RestHost.StartAsync();
        var walk = new Walk(host, await host.TokenAsync());
        await PublishAsync(walk, toTheEnd: false);
        walk["app"] = await walk.GoAsync("POST /api/v1/applications", """{"name":"shop"}""", "id");
        var key = await walk.GoAsync("POST /api/v1/applications/{app}/keys", "{}", "key/id");
        await walk.GoAsync("POST /api/v1/subscriptions", """{"application":"shop","api":"pets:1.0.0"}""");
        var token = await walk.GoAsync("POST /api/v1/me/tokens", "{}", "id");
        var comment = await walk.GoAsync("POST /api/v1/apis/{id}/comments", """{"text":"fine"}""", "id");
        var eve = await host.TokenAsync("eve", Roles.Subscriber);
        var document = RestDescription.Read();
        var wrong = new List<string>();
        foreach (
            var (method, path, operation) in RestDocumentTests
                .OperationsOf(document)
                .Where(o =>
                    o.Path.Contains("{app}", StringComparison.Ordinal)
                    || o.Path.StartsWith("/api/v1/keys/", StringComparison.Ordinal)
                    || o.Path.Contains("{comment}", StringComparison.Ordinal)
                    || o.Path == "/api/v1/me/tokens/{id}"
                )
        )
        {
            var real = path.Replace("{app}", walk["app"], StringComparison.Ordinal)
                .Replace("{api}", "pets:1.0.0", StringComparison.Ordinal)
                .Replace("{comment}", comment, StringComparison.Ordinal)
                .Replace(
                    "{id}",
                    path.Contains("/keys/", StringComparison.Ordinal) ? key
                        : path.Contains("/tokens/", StringComparison.Ordinal) ? token
                        : "pets:1.0.0",
                    StringComparison.Ordinal
                );
            var (response, text) = await host.SendAsync(
                method,
                real,
                eve,
                operation["requestBody"] is null
                    ? null
                    : new StringContent(
                        """{"owner":"eve","name":"mine","policy":null,"plan":null,"suspended":false,"state":"Active","text":"mine"}""",
                        Encoding.UTF8,
                        "application/json"
                    )
            );
            // A body this route does not know is refused before anything is looked up, and says nothing either.
            if (
                response.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
                && !(
                    response.StatusCode == HttpStatusCode.BadRequest && !text.Contains("shop", StringComparison.Ordinal)
                )
            )
            {
                wrong.Add($"{method} {real}: {(int)response.StatusCode} {text}");
            }
        }

        Assert.Empty(wrong);
    }

    private static async Task PublishAsync(Walk walk, bool toTheEnd = true)
    {
        walk["id"] = "pets:1.0.0";
        await walk.GoAsync("POST /api/v1/apis", Pets, query: "name=pets&auth=apikey");
        await walk.GoAsync("POST /api/v1/apis/{id}/deployments", """{"message":"first"}""");
        await walk.GoAsync("POST /api/v1/apis/{id}/lifecycle", """{"action":"publish"}""");
        await walk.GoAsync("PUT /api/v1/categories/{name}", """{"name":"animals"}""", ("name", "animals"));
        await walk.GoAsync(
            "PUT /api/v1/apis/{id}/listing",
            """{"title":"Pets","tags":["zoo"],"categories":["animals"]}"""
        );
        await walk.GoAsync(
            "PUT /api/v1/apis/{id}/documents/{name}",
            """{"name":"guide","type":"how-to"}""",
            ("name", "guide")
        );
        if (!toTheEnd)
        {
            return;
        }

        await walk.GoAsync("PUT /api/v1/apis/{id}/openapi", Pets);
        await walk.GoAsync("GET /api/v1/apis", query: "query=pets");
        await walk.GoAsync("GET /api/v1/apis/{id}");
        await walk.GoAsync("PATCH /api/v1/apis/{id}", """{"description":"All of them"}""");
        await walk.GoAsync("GET /api/v1/apis/{id}/openapi");
        await walk.GoAsync("GET /api/v1/apis/{id}/source");
        var source = walk.Last!.DeepClone();
        await walk.GoAsync("PUT /api/v1/apis/{id}/source", source.ToJsonString(), query: "dryRun=true");
        await walk.GoAsync("GET /api/v1/apis/{id}/listing");
        await walk.GoAsync(
            "PUT /api/v1/apis/{id}/policies",
            """[{"name":"headers","settings":{"request":{"set":{"X-A":"b"}}}}]"""
        );
        await walk.GoAsync("GET /api/v1/apis/{id}/policies");
        walk["name"] = "pets:write";
        await walk.GoAsync(
            "PUT /api/v1/apis/{id}/scopes/{name}",
            """{"description":"Change pets","roles":["admin"]}"""
        );
        await walk.GoAsync("GET /api/v1/apis/{id}/scopes");
        await walk.GoAsync("DELETE /api/v1/apis/{id}/scopes/{name}");
        await walk.GoAsync("PATCH /api/v1/apis/{id}/operations", """[{"method":"GET","path":"/pets","auth":"none"}]""");
        await walk.GoAsync("GET /api/v1/apis/{id}/operations");
        await walk.GoAsync(
            "PUT /api/v1/apis/{id}/credentials/{set}",
            """{"type":"basic","user":"u","secret":"never-shown"}""",
            ("set", "production")
        );
        await walk.GoAsync("DELETE /api/v1/apis/{id}/credentials/{set}");
        await walk.GoAsync("POST /api/v1/apis/{id}/deployments", "{}");
        await walk.GoAsync("GET /api/v1/apis/{id}/deployments");
        await walk.GoAsync("GET /api/v1/apis/{id}/environments");
        await walk.GoAsync("GET /api/v1/apis/{id}/revisions");
        await walk.GoAsync("GET /api/v1/apis/{id}/revisions/{number}", null, ("number", "1"));
        await walk.GoAsync("GET /api/v1/apis/{id}/diff", query: "from=1&to=2");
        await walk.GoAsync("POST /api/v1/apis/{id}/rollback", "{}");
        await walk.GoAsync("GET /api/v1/apis/{id}/lifecycle");
        await walk.GoAsync("POST /api/v1/apis/{id}/versions", """{"version":"2.0.0"}""");
        await walk.GoAsync(
            "POST /api/v1/apis/create",
            """{"name":"plain","version":"1.0.0","context":"/plain","endpoints":["http://127.0.0.1:9"]}"""
        );
        await walk.GoAsync("GET /api/v1/tags");
        await walk.GoAsync("GET /api/v1/categories");
        await walk.GoAsync("GET /api/v1/apis/{id}/documents");
        await walk.GoAsync("GET /api/v1/apis/{id}/documents/{name}", null, ("name", "guide"));
        await walk.GoAsync("PUT /api/v1/apis/{id}/documents/{name}/content", "# Pets", media: "text/markdown");
        await walk.GoAsync("GET /api/v1/apis/{id}/documents/{name}/content");
        await walk.GoAsync("DELETE /api/v1/apis/{id}/documents/{name}");
        await walk.GoAsync("PUT /api/v1/apis/{id}/thumbnail", "\u0089PNG\r\n\u001a\n", media: "image/png");
        await walk.GoAsync("GET /api/v1/apis/{id}/thumbnail");
        await walk.GoAsync("DELETE /api/v1/apis/{id}/thumbnail");
        walk["comment"] = await walk.GoAsync("POST /api/v1/apis/{id}/comments", """{"text":"fine"}""", "id");
        await walk.GoAsync("GET /api/v1/apis/{id}/comments");
        await walk.GoAsync("PUT /api/v1/apis/{id}/comments/{comment}", """{"text":"better"}""");
        await walk.GoAsync("DELETE /api/v1/apis/{id}/comments/{comment}");
        await walk.GoAsync("PUT /api/v1/apis/{id}/rating", """{"stars":4}""");
        await walk.GoAsync("GET /api/v1/apis/{id}/rating");
        await walk.GoAsync("DELETE /api/v1/apis/{id}/rating");
        await walk.GoAsync("PUT /api/v1/apis/{id}/listing", """{"title":"Pets"}""");
        await walk.GoAsync("PUT /api/v1/categories/{name}", """{"name":"spare"}""", ("name", "spare"));
        await walk.GoAsync("DELETE /api/v1/categories/{name}");
    }

    private static async Task ConsumeAsync(Walk walk)
    {
        walk["app"] = await walk.GoAsync("POST /api/v1/applications", """{"name":"shop"}""", "id");
        walk["api"] = "pets:1.0.0";
        await walk.GoAsync("POST /api/v1/plans", Gold);
        await walk.GoAsync("GET /api/v1/applications");
        await walk.GoAsync("GET /api/v1/applications/{app}");
        await walk.GoAsync("PATCH /api/v1/applications/{app}", """{"suspended":false}""");
        await walk.GoAsync("PATCH /api/v1/applications/{app}/about", """{"description":"Sells","group":["bob"]}""");
        await walk.GoAsync("PUT /api/v1/applications/{app}/policy", """{"policy":null}""");
        await walk.GoAsync("POST /api/v1/subscriptions", """{"application":"shop","api":"pets:1.0.0"}""");
        await walk.GoAsync("GET /api/v1/subscriptions");
        await walk.GoAsync("PATCH /api/v1/subscriptions/{app}/{api}", """{"state":"Active"}""");
        await walk.GoAsync("PUT /api/v1/subscriptions/{app}/{api}/plan", """{"plan":"Gold"}""");
        walk["id"] = await walk.GoAsync("POST /api/v1/applications/{app}/keys", "{}", "key/id");
        await walk.GoAsync("GET /api/v1/applications/{app}/keys");
        walk["id"] = await walk.GoAsync("POST /api/v1/keys/{id}/roll", "{}", "key/id");
        await walk.GoAsync("DELETE /api/v1/keys/{id}");
        await walk.GoAsync("GET /api/v1/applications/{app}/usage");
        await walk.GoAsync("GET /api/v1/usage", query: "by=api");
        await walk.GoAsync("PUT /api/v1/applications/{app}/owner", """{"owner":"ann"}""");
        await walk.GoAsync("DELETE /api/v1/subscriptions/{app}/{api}");
        await walk.GoAsync("DELETE /api/v1/applications/{app}");
    }

    private static async Task LimitAsync(Walk walk)
    {
        foreach (
            var (path, body) in new[]
            {
                ("plans", """{"name":"Tiny","quota":"5/min"}"""),
                ("application-policies", """{"name":"Tiny","quota":"5/min"}"""),
                ("api-policies", """{"name":"Tiny","quota":"5/min"}"""),
                ("custom-rules", """{"name":"Tiny","key":"$userId","quota":"5/min"}"""),
            }
        )
        {
            walk["name"] = "Tiny";
            await walk.GoAsync($"POST /api/v1/{path}", body);
            await walk.GoAsync($"GET /api/v1/{path}");
            await walk.GoAsync($"GET /api/v1/{path}/{{name}}");
            var stored = walk.Last!.ToJsonString();
            await walk.GoAsync($"PUT /api/v1/{path}/{{name}}", stored);
            await walk.GoAsync($"DELETE /api/v1/{path}/{{name}}");
        }

        walk["name"] = await walk.GoAsync(
            "POST /api/v1/blocks",
            """{"kind":"user","value":"mallory","reason":"abuse"}""",
            "name"
        );
        await walk.GoAsync("GET /api/v1/blocks");
        await walk.GoAsync("DELETE /api/v1/blocks/{name}");
        walk["name"] = "idp";
        await walk.GoAsync(
            "POST /api/v1/issuers",
            """{"name":"idp","url":"https://idp.test","keysUrl":"https://idp.test/jwks"}"""
        );
        await walk.GoAsync("GET /api/v1/issuers");
        await walk.GoAsync("GET /api/v1/issuers/{name}");
        await walk.GoAsync(
            "PUT /api/v1/issuers/{name}",
            """{"name":"idp","url":"https://idp.test","keysUrl":"https://idp.test/keys"}"""
        );
        await walk.GoAsync("POST /api/v1/revocations", """{"issuer":"idp","jti":"abc"}""");
        await walk.GoAsync("DELETE /api/v1/issuers/{name}");
        await walk.GoAsync("GET /api/v1/key-manager");
        await walk.GoAsync("POST /api/v1/key-manager/keys", "{}");
    }

    private static async Task AdministerAsync(Walk walk)
    {
        await walk.GoAsync("GET /api/v1/approval-settings");
        await walk.GoAsync("PUT /api/v1/approval-settings", """{"lifecycle":true}""");
        await walk.GoAsync("GET /api/v1/account-settings");
        await walk.GoAsync("PUT /api/v1/account-settings", walk.Last!.ToJsonString());
        await walk.GoAsync("GET /api/v1/alerts");
        walk["name"] = "ops";
        await walk.GoAsync(
            "PUT /api/v1/alert-rules/{name}",
            """{"name":"ops","on":"node-lost","emails":["ops@test.invalid"]}"""
        );
        await walk.GoAsync("GET /api/v1/alert-rules");
        await walk.GoAsync("POST /api/v1/alert-rules/{name}/secret");
        await walk.GoAsync("POST /api/v1/alert-rules/{name}/test");
        await walk.GoAsync("DELETE /api/v1/alert-rules/{name}");
        await walk.GoAsync("GET /api/v1/mail-settings");
        await walk.GoAsync(
            "PUT /api/v1/mail-settings",
            """{"host":"127.0.0.1","port":9,"from":"gatehouse@test.invalid","plain":true}"""
        );
        await walk.GoAsync("POST /api/v1/mail-settings/test", """{"to":"ops@test.invalid"}""");
        await walk.GoAsync("GET /api/v1/roles");
        walk["user"] = "bob";
        var code = await walk.GoAsync("POST /api/v1/users", """{"name":"bob","roles":["publisher"]}""", "code");
        await walk.GoAsync("POST /api/v1/links", $$"""{"code":"{{code}}","password":"seven quiet otters"}""");
        await walk.GoAsync("POST /api/v1/sign-in", """{"user":"bob","password":"seven quiet otters"}""");
        await walk.GoAsync("GET /api/v1/users");
        await walk.GoAsync("GET /api/v1/users/{user}");
        await walk.GoAsync("PUT /api/v1/users/{user}/profile", """{"fullName":"Bob"}""");
        await walk.GoAsync("PUT /api/v1/users/{user}/roles", """{"roles":["subscriber"]}""");
        await walk.GoAsync("POST /api/v1/users/{user}/link");
        await walk.GoAsync("POST /api/v1/users/{user}/lock");
        await walk.GoAsync("POST /api/v1/users/{user}/unlock");
        await walk.GoAsync("GET /api/v1/sessions");
        await walk.GoAsync("GET /api/v1/me/sessions");
        await walk.GoAsync("DELETE /api/v1/users/{user}");
        walk["id"] = await walk.GoAsync("POST /api/v1/me/tokens", "{}", "id");
        await walk.GoAsync("GET /api/v1/me/tokens");
        await walk.GoAsync("DELETE /api/v1/me/tokens/{id}");
        walk["id"] = "pets:1.0.0";
        var publisher = await walk.As("pat", Roles.Publisher);
        await publisher.GoAsync("POST /api/v1/apis/{id}/lifecycle", """{"action":"deprecate"}""");
        walk["id"] = publisher.Last!["pendingTask"]!.GetValue<string>();
        await walk.GoAsync("GET /api/v1/tasks");
        await walk.GoAsync("POST /api/v1/tasks/{id}", """{"approve":true}""");
        await walk.GoAsync("PUT /api/v1/approval-settings", "{}");
    }

    /// <summary>Goes from route to route and holds every answer against the document.</summary>
    private sealed class Walk
    {
        private readonly RestHost _host;
        private readonly JsonNode _document = RestDescription.Read();
        private readonly JsonSchemaSet _schemas = new(JsonSchemaDialect.Draft202012, JsonSchemaUse.Answer);
        private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
        private readonly HashSet<string> _done = new(StringComparer.Ordinal);

        public Walk(RestHost host, string token)
        {
            (_host, Token) = (host, token);
            // Stricter than it is for clients: a member that the document does not name fails.
            var strict = _document.DeepClone();
            foreach (var (_, schema) in strict["components"]!["schemas"]!.AsObject())
            {
                if (schema!["properties"] is not null && schema["additionalProperties"] is null)
                {
                    schema["additionalProperties"] = false;
                }
            }

            _schemas.AddDocument(Base, JsonSerializer.SerializeToElement(strict));
        }

        public string Token { get; private init; }

        public List<string> Broken { get; private init; } = [];

        public JsonNode? Last { get; private set; }

        public string this[string name]
        {
            get => _names[name];
            set => _names[name] = value;
        }

        public async Task<Walk> As(string user, string role)
        {
            var other = new Walk(_host, await _host.TokenAsync(user, role)) { Broken = Broken };
            foreach (var (name, value) in _names)
            {
                other._names[name] = value;
            }

            return other;
        }

        public Task<string> GoAsync(string route, string? body, (string Name, string Value) with)
        {
            _names[with.Name] = with.Value;
            return GoAsync(route, body);
        }

        /// <summary>Goes there; the answer's member at <paramref name="take"/>, empty when it has none.</summary>
        public async Task<string> GoAsync(
            string route,
            string? body = null,
            string? take = null,
            string? query = null,
            string media = "application/json"
        )
        {
            var (method, template) = (route.Split(' ')[0], route.Split(' ')[1]);
            var path = template;
            foreach (var (name, value) in _names)
            {
                path = path.Replace(
                    $"{{{name}}}",
                    // The one that takes the rest of the path.
                    template == "/api/v1/blocks/{name}"
                        ? value
                        : Uri.EscapeDataString(value),
                    StringComparison.Ordinal
                );
            }

            var content = body is null
                ? null
                : new ByteArrayContent(
                    media.StartsWith("image/", StringComparison.Ordinal)
                        ? Encoding.Latin1.GetBytes(body)
                        : Encoding.UTF8.GetBytes(body)
                )
                {
                    Headers = { ContentType = new(media) },
                };
            var (response, text) = await _host.SendAsync(
                method,
                path + (query is null ? "" : "?" + query),
                Token,
                content
            );
            Last = null;
            if (!response.IsSuccessStatusCode)
            {
                Broken.Add($"{route}: {(int)response.StatusCode} {text}");
                return "";
            }

            _done.Add(route);
            var status = ((int)response.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
            var operation = _document["paths"]![template]?[method.ToLowerInvariant()];
            if (operation?["responses"]?[status] is not { } promised)
            {
                Broken.Add($"{route}: the document knows no answer {status}");
                return "";
            }

            var type = response.Content.Headers.ContentType?.MediaType;
            if (type is null)
            {
                if (promised["content"] is not null)
                {
                    Broken.Add($"{route}: {status} without the content the document promises");
                }

                return "";
            }

            if (promised["content"]?[type] is null && promised["content"]?["*/*"] is null)
            {
                Broken.Add($"{route}: {status} as {type}, which the document does not know");
                return "";
            }

            if (type != "application/json" || promised["content"]![type] is null)
            {
                return "";
            }

            Last = JsonNode.Parse(text);
            var at =
                $"{Base}#/paths/{Escape(template)}/{method.ToLowerInvariant()}/responses/{status}/content/{Escape(type)}/schema";
            using var json = JsonDocument.Parse(text);
            foreach (var error in _schemas.At(at).Check(json.RootElement, text.Length, formats: true).Take(3))
            {
                Broken.Add($"{route}: {status} {error} in {text[..Math.Min(text.Length, 400)]}");
            }

            if (take is null)
            {
                return "";
            }

            var found = take.Split('/').Aggregate(Last, (node, name) => node?[name]);
            return found?.GetValue<string>() ?? "";
        }

        /// <summary>The routes of the document that were not gone to.</summary>
        public ImmutableArray<string> Missed() =>
            [
                .. RestDocumentTests
                    .OperationsOf(_document)
                    .Select(o => $"{o.Method} {o.Path}")
                    .Except(_done)
                    .Order(StringComparer.Ordinal),
            ];

        private static string Escape(string text) =>
            Uri.EscapeDataString(
                text.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)
            );
    }
}
