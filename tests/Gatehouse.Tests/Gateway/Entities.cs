using System.Collections.Immutable;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Tests.Gateway;

/// <summary>Entities as a manager would send them.</summary>
internal static class Entities
{
    public const string Secret = "gk_test_4f9k2m7q";

    public static Api Petstore(string backend, params string[] operations) =>
        new()
        {
            Name = "petstore",
            Version = "1.0.0",
            Context = "/petstore",
            Revision = 1,
            Operations = Operations(operations.Length == 0 ? ["GET /*", "POST /*", "PUT /*", "DELETE /*"] : operations),
            Production = To(backend),
        };

    public static EndpointSet To(params IEnumerable<string> urls) =>
        new() { Endpoints = [.. urls.Select(u => new Endpoint { Url = u })] };

    public static ImmutableArray<Operation> Operations(params IEnumerable<string> operations) =>
        [.. operations.Select(o => new Operation { Method = o.Split(' ')[0], Path = o.Split(' ')[1] })];

    public static Api Keyed(this Api api) => api with { Security = ["apikey"] };

    public static EntityChange Put(this Api api) =>
        Put(EntityKinds.Api, Api.EntityName(api.Name, api.Version), CanonicalJson.Write(api, ModelJson.Default.Api));

    /// <summary>An application with a subscription and a key: all a caller needs.</summary>
    public static EntityChange[] Consumer(
        string api = "petstore:1.0.0",
        string secret = Secret,
        string app = "app_1",
        string key = "key_1",
        bool sandbox = false
    ) => [Application(app), Subscription(app, api), Key(key, app, secret, sandbox)];

    public static EntityChange Application(string id) =>
        Put(
            EntityKinds.Application,
            id,
            CanonicalJson.Write(
                new()
                {
                    Id = id,
                    Name = id,
                    Owner = "ann",
                },
                ModelJson.Default.Application
            )
        );

    public static EntityChange Subscription(string app, string api) =>
        Put(
            EntityKinds.Subscription,
            Model.Subscription.EntityName(app, api),
            CanonicalJson.Write(new() { Application = app, Api = api }, ModelJson.Default.Subscription)
        );

    public static EntityChange Key(string id, string app, string secret, bool sandbox = false) =>
        Put(
            EntityKinds.Key,
            id,
            CanonicalJson.Write(
                new()
                {
                    Id = id,
                    Application = app,
                    Hash = Digest.Of(Encoding.UTF8.GetBytes(secret)),
                    Sandbox = sandbox,
                    LastFour = secret[^4..],
                    CreatedAt = DateTimeOffset.UnixEpoch,
                },
                ModelJson.Default.ApiKey
            )
        );

    public static EntityChange Node(Node node) =>
        Put(EntityKinds.Node, node.Name, CanonicalJson.Write(node, ModelJson.Default.Node));

    public static EntityChange Put(string kind, string name, byte[] payload) =>
        new()
        {
            Kind = kind,
            Name = name,
            Epoch = 0,
            Payload = payload,
            Digest = Digest.Of(payload),
        };

    public static EntityChange Gone(string kind, string name) =>
        new()
        {
            Kind = kind,
            Name = name,
            Epoch = 0,
            Deleted = true,
            Digest = Digest.Of([]),
        };
}
