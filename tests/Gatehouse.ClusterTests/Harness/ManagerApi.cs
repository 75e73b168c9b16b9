using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>A manager's REST API, with the tests' own client: what any program would see.</summary>
internal sealed class ManagerApi : IDisposable
{
    private readonly HttpClient _http;

    public ManagerApi(Uri manager, string authority, string token)
    {
        _http = Trust.ClientOf(authority);
        _http.BaseAddress = new(manager, "/api/v1/");
        _http.Timeout = TimeSpan.FromSeconds(70);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>Asks; fails the test on any answer that is no success.</summary>
    public async Task<JsonNode?> SendAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        using var content = body is null
            ? null
            : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return await SendAsync(method, path, content);
    }

    /// <summary>Asks and gives the status alone.</summary>
    public async Task<HttpStatusCode> StatusOfAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        using var response = await _http.SendAsync(request);
        return response.StatusCode;
    }

    /// <summary>True when the manager answers.</summary>
    public async Task<bool> AnswersAsync()
    {
        try
        {
            return await StatusOfAsync(HttpMethod.Get, "status") == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    /// <summary>The state of a node as <c>status</c> shows it; null for one that is not registered.</summary>
    public async Task<string?> StateOfAsync(string node) => (await NodeAsync(node))?["state"]?.GetValue<string>();

    /// <summary>A node as <c>status</c> shows it.</summary>
    public async Task<JsonNode?> NodeAsync(string node)
    {
        var status = await SendAsync(HttpMethod.Get, "status");
        return status!["nodes"]!.AsArray().FirstOrDefault(view => view!["name"]!.GetValue<string>() == node);
    }

    /// <summary>What is wrong, as <c>status</c> says it: <c>kind node: message</c>.</summary>
    public async Task<IReadOnlyList<string>> AlertsAsync()
    {
        var status = await SendAsync(HttpMethod.Get, "status");
        return [.. status!["alerts"]!.AsArray().Select(a => $"{a!["kind"]} {a["node"]}: {a["message"]}")];
    }

    /// <summary>Imports an API whose every path leads to <paramref name="backend"/>, and deploys it. Returns its id.</summary>
    public async Task<string> DeployAsync(string name, string backend, string auth = "apikey", bool wait = true)
    {
        using var document = new StringContent(
            $$"""
            openapi: 3.1.0
            info: { title: {{name}}, version: 1.0.0 }
            paths:
              /*:
                get: { operationId: read, responses: { '200': { description: What it is } } }
                post: { operationId: write, responses: { '200': { description: What it was } } }
            """,
            Encoding.UTF8,
            "application/yaml"
        );
        var imported = await SendAsync(
            HttpMethod.Post,
            $"apis?name={name}&endpoint={Uri.EscapeDataString(backend)}&auth={auth}&update=true",
            document
        );
        var id = imported!["api"]!["id"]!.GetValue<string>();
        await SendAsync(HttpMethod.Post, $"apis/{Uri.EscapeDataString(id)}/deployments");
        if (wait)
        {
            var deployed = await SendAsync(HttpMethod.Get, $"apis/{Uri.EscapeDataString(id)}/deployments?wait=60");
            Assert.All(deployed!["nodes"]!.AsArray(), node => Assert.Equal("applied", (string?)node!["state"]));
        }

        return id;
    }

    /// <summary>How a deployed API stands on a worker.</summary>
    public async Task<string?> DeploymentOnAsync(string api, string node)
    {
        var view = await SendAsync(HttpMethod.Get, $"apis/{Uri.EscapeDataString(api)}/deployments");
        return (string?)view!["nodes"]!.AsArray().Single(n => (string?)n!["node"] == node)!["state"];
    }

    /// <summary>An application subscribed to <paramref name="apis"/>, and a key of it.</summary>
    public async Task<(string Id, string Secret)> CreateKeyAsync(string application, params string[] apis)
    {
        var made = await SendAsync(HttpMethod.Post, "applications", new JsonObject { ["name"] = application });
        var id = made!["id"]!.GetValue<string>();
        foreach (var api in apis)
        {
            await SendAsync(HttpMethod.Post, "subscriptions", new JsonObject { ["application"] = id, ["api"] = api });
        }

        var key = await SendAsync(HttpMethod.Post, $"applications/{id}/keys", new JsonObject());
        return (key!["key"]!["id"]!.GetValue<string>(), key["secret"]!.GetValue<string>());
    }

    public Task RevokeKeyAsync(string id) => SendAsync(HttpMethod.Delete, $"keys/{id}");

    public async Task<string> CreateTokenAsync(string profile, string? node = null)
    {
        var made = await SendAsync(
            HttpMethod.Post,
            "join-tokens",
            new JsonObject { ["profile"] = profile, ["node"] = node }
        );
        return made!["token"]!.GetValue<string>();
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The same with a body of another kind.</summary>
    public async Task<JsonNode?> SendAsync(HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {(int)response.StatusCode}\n{text}");
        return text.Length == 0 ? null : JsonNode.Parse(text);
    }
}
