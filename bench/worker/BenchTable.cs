using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Bench.Worker;

/// <summary>The entities that a manager would have fed.</summary>
internal static class BenchTable
{
    /// <summary>The key of the one application, as in <c>bench/load/targets.py</c>.</summary>
    public const string Secret = "gk_bench_0123456789abcdefghijklmnop";

    public static List<EntityChange> Changes(string backend, int apis)
    {
        var changes = new List<EntityChange>
        {
            Put(Api("open", backend)),
            Put(Api("keyed", backend) with { Security = ["apikey"] }),
            Put(
                EntityKinds.Application,
                "app_bench",
                CanonicalJson.Write(
                    new()
                    {
                        Id = "app_bench",
                        Name = "bench",
                        Owner = "bench",
                    },
                    ModelJson.Default.Application
                )
            ),
            Put(
                EntityKinds.Subscription,
                Subscription.EntityName("app_bench", "keyed:1.0.0"),
                CanonicalJson.Write(
                    new() { Application = "app_bench", Api = "keyed:1.0.0" },
                    ModelJson.Default.Subscription
                )
            ),
            Put(
                EntityKinds.Key,
                "key_bench",
                CanonicalJson.Write(
                    new()
                    {
                        Id = "key_bench",
                        Application = "app_bench",
                        Hash = Digest.Of(Encoding.UTF8.GetBytes(Secret)),
                        LastFour = Secret[^4..],
                        CreatedAt = DateTimeOffset.UnixEpoch,
                    },
                    ModelJson.Default.ApiKey
                )
            ),
        };

        // As many neighbours as a real table has, ten operations each.
        changes.AddRange(Enumerable.Range(2, Math.Max(0, apis - 2)).Select(i => Put(Api($"api{i}", backend))));
        return [.. changes.Select((change, i) => change with { Epoch = i + 1 })];
    }

    private static Api Api(string name, string backend) =>
        new()
        {
            Name = name,
            Version = "1.0.0",
            Context = $"/{name}",
            Revision = 1,
            Operations =
            [
                .. ((string[])["/items", "/items/{id}", "/items/{id}/parts", "/orders", "/orders/{id}"]).SelectMany(
                    path => (Operation[])[new() { Method = "GET", Path = path }, new() { Method = "POST", Path = path }]
                ),
            ],
            Production = new() { Endpoints = [new() { Url = backend }] },
        };

    private static EntityChange Put(Api api) =>
        Put(
            EntityKinds.Api,
            Model.Api.EntityName(api.Name, api.Version),
            CanonicalJson.Write(api, ModelJson.Default.Api)
        );

    private static EntityChange Put(string kind, string name, byte[] payload) =>
        new()
        {
            Kind = kind,
            Name = name,
            Epoch = 0,
            Payload = payload,
            Digest = Digest.Of(payload),
        };
}
