using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Bench.Worker;

/// <summary>The entities that a manager would have fed.</summary>
internal static class BenchTable
{
    /// <summary>The key of the one application, as in <c>bench/load/targets.py</c>.</summary>
    public const string Secret = "gk_bench_0123456789abcdefghijklmnop";

    private const string PlanName = "Bench";

    /// <param name="backend">Where every API forwards to.</param>
    /// <param name="apis">How many there are; the first three are <c>open</c>, <c>keyed</c> and <c>token</c>.</param>
    /// <param name="keys">The issuer's JWK set; null for no issuer.</param>
    public static List<EntityChange> Changes(string backend, int apis, string? keys)
    {
        var changes = new List<EntityChange>
        {
            Put(Api("open", backend)),
            Put(Api("keyed", backend) with { Security = ["apikey"] }),
            Put(Api("token", backend) with { Security = ["oauth2"] }),
            Put(
                EntityKinds.Plan,
                PlanName,
                CanonicalJson.Write(
                    // Never used up, but counted and told to the caller like any other.
                    new() { Name = PlanName, Quota = Quota.Requests(1_000_000_000, TimeSpan.FromMinutes(1)) },
                    ModelJson.Default.Plan
                )
            ),
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
            Subscribe("keyed:1.0.0"),
            Subscribe("token:1.0.0"),
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

        if (keys is not null)
        {
            changes.AddRange(Issuer(keys));
        }

        // As many neighbours as a real table has, ten operations each.
        changes.AddRange(Enumerable.Range(3, Math.Max(0, apis - 3)).Select(i => Put(Api($"api{i}", backend))));
        return [.. changes.Select((change, i) => change with { Epoch = i + 1 })];
    }

    private static EntityChange Subscribe(string api) =>
        Put(
            EntityKinds.Subscription,
            Subscription.EntityName("app_bench", api),
            CanonicalJson.Write(
                new()
                {
                    Application = "app_bench",
                    Api = api,
                    Plan = PlanName,
                },
                ModelJson.Default.Subscription
            )
        );

    private static IEnumerable<EntityChange> Issuer(string keys) =>
        [
            Put(
                EntityKinds.Issuer,
                "bench",
                CanonicalJson.Write(
                    new()
                    {
                        Name = "bench",
                        Url = BenchTokens.Issuer,
                        Keys = keys,
                    },
                    ModelJson.Default.Issuer
                )
            ),
            Put(
                EntityKinds.Key,
                "key_oauth",
                CanonicalJson.Write(
                    new()
                    {
                        Id = "key_oauth",
                        Application = "app_bench",
                        Hash = ApiKey.OfClient("bench", BenchTokens.Client),
                        LastFour = "",
                        Type = KeyType.OAuth2,
                        Issuer = "bench",
                        ClientId = BenchTokens.Client,
                        CreatedAt = DateTimeOffset.UnixEpoch,
                    },
                    ModelJson.Default.ApiKey
                )
            ),
        ];

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
