using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.ClusterTests.Harness;

namespace Gatehouse.ClusterTests.Managers;

/// <summary>
/// Programs that make applications through managers without a pause, each keeping to one manager, and remember what was
/// acknowledged to them. One counter they all raise with <c>If-Match</c> shows whether an update was lost.
/// </summary>
internal sealed class Writers : IAsyncDisposable
{
    /// <summary>The plan whose description counts.</summary>
    public const string Counter = "counter";

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, string> _acknowledged = new();
    private readonly ConcurrentDictionary<string, int> _answers = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly List<HttpClient> _clients = [];
    private readonly Task _writers;
    private int _raised;

    private Writers(RealCluster cluster, IEnumerable<ClusterNode> managers)
    {
        _writers = Task.WhenAll(
            managers
                .SelectMany((manager, m) => Enumerable.Range(0, 2).Select(w => (manager, number: (m * 2) + w)))
                .Select(writer =>
                {
                    var http = Trust.ClientOf(cluster.Authority);
                    http.Timeout = TimeSpan.FromSeconds(25);
                    http.BaseAddress = new(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"https://{writer.manager.Host}:{writer.manager.ManagementHttps}/api/v1/"
                        )
                    );
                    http.DefaultRequestHeaders.Authorization = new("Bearer", cluster.AccessToken);
                    _clients.Add(http);
                    return Task.Run(() => WriteAsync(http, writer.number));
                })
        );
    }

    /// <summary>Names of applications that a manager said it made, with their ids.</summary>
    public IReadOnlyDictionary<string, string> Acknowledged => _acknowledged;

    /// <summary>How often the counter was raised, as its writers were told.</summary>
    public int Raised => Volatile.Read(ref _raised);

    /// <summary>Answers by status, and failures by sort.</summary>
    public string Answers => string.Join(", ", _answers.OrderBy(a => a.Key).Select(a => $"{a.Key}: {a.Value}"));

    /// <summary>Begins with two writers for each manager.</summary>
    public static async Task<Writers> StartAsync(RealCluster cluster, params ClusterNode[] managers)
    {
        await cluster.Rest.SendAsync(HttpMethod.Post, "plans", Plan(0));
        return new(cluster, managers);
    }

    /// <summary>Completes when so many more were acknowledged.</summary>
    public Task AcknowledgeMoreAsync(int more)
    {
        var until = _acknowledged.Count + more;
        return Eventually.TrueAsync(
            () => _acknowledged.Count >= until,
            TimeSpan.FromSeconds(90),
            () => $"{more} more writes acknowledged; {Answers}"
        );
    }

    /// <summary>Ends them, and fails when one got an answer it cannot use.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _writers;
        Assert.Empty(_wrong);
    }

    /// <summary>Fails unless that manager has every application that was acknowledged, and every raise of the counter.</summary>
    public async Task AreHeldAsync(ManagerApi manager)
    {
        var held = new HashSet<string>();
        for (var total = int.MaxValue; held.Count < total; )
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"applications?limit=500&offset={held.Count}");
            var page = await manager.SendAsync(HttpMethod.Get, path);
            var items = page!["items"]!.AsArray();
            total = (int)page["total"]!;
            Assert.True(items.Count > 0 || total == 0, $"{path} is empty, of {total}");
            var before = held.Count;
            held.UnionWith(items.Select(a => (string)a!["name"]!));
            Assert.Equal(before + items.Count, held.Count);
        }

        Assert.Empty(_acknowledged.Keys.Except(held));
        var counter = await manager.SendAsync(HttpMethod.Get, $"plans/{Counter}");
        Assert.True(
            int.Parse((string)counter!["description"]!, CultureInfo.InvariantCulture) >= Raised,
            $"an acknowledged update was lost: {counter}, raised {Raised} times"
        );
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _writers;
        _clients.ForEach(client => client.Dispose());
        _stop.Dispose();
    }

    private async Task WriteAsync(HttpClient http, int writer)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            await pace.WaitForNextTickAsync(CancellationToken.None);
            var name = string.Create(CultureInfo.InvariantCulture, $"app-{writer}-{i}");
            var (status, body, _) = await SendAsync(http, HttpMethod.Post, "applications", new() { ["name"] = name });
            if (status == HttpStatusCode.Created)
            {
                _acknowledged[name] = JsonNode.Parse(body)!["id"]!.GetValue<string>();
            }

            if (i % 5 == 0)
            {
                await RaiseAsync(http);
            }
        }
    }

    private static JsonObject Plan(int value) =>
        new()
        {
            ["name"] = Counter,
            ["description"] = value.ToString(CultureInfo.InvariantCulture),
            ["billing"] = "free",
            ["stopOnQuotaReach"] = true,
        };

    private async Task RaiseAsync(HttpClient http)
    {
        var (found, text, tag) = await SendAsync(http, HttpMethod.Get, $"plans/{Counter}", null);
        if (found != HttpStatusCode.OK || tag is null)
        {
            return;
        }

        var value = int.Parse(JsonNode.Parse(text)!["description"]!.GetValue<string>(), CultureInfo.InvariantCulture);
        var (status, _, _) = await SendAsync(http, HttpMethod.Put, $"plans/{Counter}", Plan(value + 1), tag);
        if (status == HttpStatusCode.OK)
        {
            Interlocked.Increment(ref _raised);
        }
    }

    private async Task<(HttpStatusCode Status, string Body, string? Tag)> SendAsync(
        HttpClient http,
        HttpMethod method,
        string path,
        JsonObject? body,
        string? ifMatch = null
    )
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        try
        {
            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            _answers.AddOrUpdate($"{(int)response.StatusCode}", 1, (_, n) => n + 1);
            // 412 is somebody faster; 503 says that nothing was changed or that it is not known.
            if (
                !response.IsSuccessStatusCode
                && response.StatusCode is not (HttpStatusCode.PreconditionFailed or HttpStatusCode.ServiceUnavailable)
            )
            {
                _wrong.Enqueue($"{method} {path}: {(int)response.StatusCode} {text}");
            }

            return (response.StatusCode, text, response.Headers.ETag?.ToString());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
        {
            _answers.AddOrUpdate(e.GetType().Name, 1, (_, n) => n + 1);
            return (0, "", null);
        }
    }
}
