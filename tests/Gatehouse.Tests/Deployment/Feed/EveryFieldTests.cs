using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Tests.Feeds;

/// <summary>A field that the canonical form forgot would never reach a worker; this finds it by reflection.</summary>
public sealed class EveryFieldTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-fields-").FullName;

    public static TheoryData<string> Kinds => [.. s_kinds.Keys];

    private static readonly Dictionary<string, Type> s_kinds = new()
    {
        [EntityKinds.Api] = typeof(Api),
        [EntityKinds.Application] = typeof(Application),
        [EntityKinds.Subscription] = typeof(Subscription),
        [EntityKinds.Key] = typeof(ApiKey),
        [EntityKinds.Issuer] = typeof(Issuer),
        [EntityKinds.Revocation] = typeof(Revocation),
        [EntityKinds.Node] = typeof(Node),
        [EntityKinds.DeniedCertificate] = typeof(DeniedCertificate),
        [EntityKinds.Hosts] = typeof(PublicHosts),
        [EntityKinds.Plan] = typeof(Plan),
        [EntityKinds.ApplicationPolicy] = typeof(ApplicationPolicy),
        [EntityKinds.ApiPolicy] = typeof(ApiPolicy),
        [EntityKinds.CustomRule] = typeof(CustomRule),
        [EntityKinds.Block] = typeof(Block),
    };

    [Fact]
    public void Every_kind_that_a_worker_is_sent_is_covered() =>
        Assert.Equal(
            EntityKinds.For(Profile.GatewayWorker).Order(StringComparer.Ordinal),
            s_kinds.Keys.Order(StringComparer.Ordinal)
        );

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Every_field_of_every_entity_when_changed_is_observed_by_the_worker(string kind)
    {
        using var catalogue = new CatalogueTwin();
        await using var host = await FeedHost.StartAsync(catalogue);
        await using var node = await NodeTwin.StartAsync(_folder, NodeTwin.Options(host.Address));
        var before = Make(s_kinds[kind]);
        var text = Write(before);
        await node.ReachesAsync(catalogue.Put(kind, "one", text));

        var changed = Variants(before).ToList();
        Assert.NotEmpty(changed);
        foreach (var (field, variant) in changed)
        {
            var written = Write(variant);
            Assert.True(written != text, $"{s_kinds[kind].Name}.{field} is not part of what is sent");
            var publishes = node.Target.Publishes;

            await node.ReachesAsync(catalogue.Put(kind, "one", written));

            Assert.True(node.Target.Publishes > publishes, $"{s_kinds[kind].Name}.{field} moved no worker");
            Assert.Equal(written, node.Target.Served[(kind, "one")]);
            await node.ReachesAsync(catalogue.Put(kind, "one", text));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Write(object entity)
    {
        var type = ModelJson.Default.GetTypeInfo(entity.GetType())!;
        return System.Text.Encoding.UTF8.GetString(
            CanonicalJson.Write(JsonSerializer.SerializeToElement(entity, type))
        );
    }

    /// <summary>The entity once for every field, at any depth, with that field changed.</summary>
    private static IEnumerable<(string Field, object Variant)> Variants(object entity)
    {
        foreach (var property in Settable(entity.GetType()))
        {
            var value = property.GetValue(entity);
            if (value is null && property.PropertyType == typeof(ApiCanary))
            {
                // A canary has none of its own.
                continue;
            }

            yield return (property.Name, With(entity, property, Other(property.PropertyType, value)));

            if (value is not null && IsOurs(property.PropertyType))
            {
                foreach (var (inner, variant) in Variants(value))
                {
                    yield return ($"{property.Name}.{inner}", With(entity, property, variant));
                }
            }
            else if (ElementOf(property.PropertyType) is { } element && IsOurs(element))
            {
                foreach (var (inner, variant) in Variants(Make(element)))
                {
                    yield return ($"{property.Name}[].{inner}", With(entity, property, ArrayOf(element, variant)));
                }
            }
        }
    }

    private static object With(object entity, PropertyInfo property, object? value)
    {
        var copy = entity.GetType().GetMethod("<Clone>$")!.Invoke(entity, null)!;
        property.SetValue(copy, value);
        return copy;
    }

    private static object Make(Type type, Type? without = null)
    {
        var entity = System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(type);
        foreach (var property in Settable(type).Where(p => p.PropertyType != without))
        {
            property.SetValue(entity, Value(property.PropertyType));
        }

        return entity;
    }

    private static object Value(Type type) =>
        Nullable.GetUnderlyingType(type) is { } inner ? Value(inner)
        : ElementOf(type) is { } element ? ArrayOf(element, Value(element))
        : type == typeof(string) ? "one"
        : type == typeof(Digest) ? Digest.Of("one"u8)
        : type == typeof(DateTimeOffset) ? DateTimeOffset.UnixEpoch
        : type == typeof(Quota) ? Quota.Requests(1, TimeSpan.FromSeconds(1))
        : type == typeof(JsonElement) ? JsonSerializer.SerializeToElement(1)
        : MapOf(type) is { } value ? Add(type.GetField("Empty")!.GetValue(null)!, "one", Value(value))
        : type == typeof(ApiCanary) ? new ApiCanary { Percent = 1, Api = (Api)Make(typeof(Api), type) }
        : IsOurs(type) ? Make(type)
        : Activator.CreateInstance(type)!;

    private static object? Other(Type type, object? value) =>
        value switch
        {
            string text => text + "!",
            bool flag => !flag,
            int number => number + 1,
            long number => number + 1,
            TimeSpan time => time + TimeSpan.FromSeconds(1),
            DateTimeOffset time => time.AddSeconds(1),
            Digest => Digest.Of("other"u8),
            JsonElement => JsonSerializer.SerializeToElement(2),
            Quota quota => Quota.Requests(quota.Amount + 1, quota.Period),
            Enum other => Enum.GetValues(type.IsEnum ? type : Nullable.GetUnderlyingType(type)!)
                .Cast<object>()
                .First(v => !v.Equals(other)),
            not null when MapOf(type) is { } inner => Add(value, "two", Value(inner)),
            _ when ElementOf(type) is { } element => Array.CreateInstance(element, 0) is var none
                ? Of(element).Invoke(null, [none])
                : null,
            _ when IsOurs(type) => Settable(type).First() is var first
                ? With(value!, first, Other(first.PropertyType, first.GetValue(value)))
                : null,
            _ => throw new NotSupportedException($"Teach this test to change a {type}."),
        };

    private static Type? MapOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableSortedDictionary<,>)
            ? type.GetGenericArguments()[1]
            : null;

    private static object Add(object map, string key, object value) =>
        map.GetType().GetMethod("Add", [typeof(string), value.GetType()])!.Invoke(map, [key, value])!;

    private static object ArrayOf(Type element, object item)
    {
        var items = Array.CreateInstance(element, 1);
        items.SetValue(item, 0);
        return Of(element).Invoke(null, [items])!;
    }

    private static MethodInfo Of(Type element) =>
        typeof(ImmutableArray)
            .GetMethods()
            .Single(m =>
                m.Name == nameof(ImmutableArray.Create) && m.GetParameters() is [{ ParameterType.IsArray: true }]
            )
            .MakeGenericMethod(element);

    private static Type? ElementOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>)
            ? type.GetGenericArguments()[0]
            : null;

    private static bool IsOurs(Type type) =>
        type.IsClass && type.Namespace == typeof(Api).Namespace && type != typeof(string);

    private static IEnumerable<PropertyInfo> Settable(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite);
}
