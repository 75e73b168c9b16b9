using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Model;

namespace Gatehouse.GitOps;

/// <summary>Reads the JSON of a source as one of our types: unknown names and wrong values are told by their place.</summary>
internal static class TypedJson
{
    private static readonly JsonSerializerOptions s_json = new(ManagerClient.Json)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>The value; null when something is wrong with it, which <paramref name="problems"/> then says.</summary>
    public static T? Read<T>(SourceFile file, JsonObject content, ICollection<Problem> problems, string at = "")
        where T : class
    {
        var before = problems.Count;
        CheckNames(file, content, s_json.GetTypeInfo(typeof(T)), at, problems);
        if (problems.Count > before)
        {
            return null;
        }

        try
        {
            return content.Deserialize<T>(s_json);
        }
        catch (JsonException e)
        {
            var pointer = at + (e.Path ?? "").TrimStart('$').Replace("[", "/").Replace("]", "").Replace('.', '/');
            var reason = (e.InnerException?.Message ?? e.Message).Split(" Path:")[0];
            problems.Add(file.At(pointer, $"this cannot be read: {reason}"));
            return null;
        }
    }

    /// <summary>A value as JSON, with every member it has, so that what means the same is the same.</summary>
    public static JsonObject Write<T>(T value) => JsonSerializer.SerializeToNode(value, s_json)!.AsObject();

    /// <summary>What <see cref="Write"/> wrote, read back. Throws <see cref="JsonException"/> for anything else.</summary>
    public static T Restore<T>(JsonNode json) => json.Deserialize<T>(s_json)!;

    /// <summary>Tells unknown names in the value of one member of <typeparamref name="T"/>.</summary>
    public static void CheckMember<T>(SourceFile file, string member, JsonNode? value, ICollection<Problem> problems) =>
        CheckNames(
            file,
            value,
            s_json.GetTypeInfo(s_json.GetTypeInfo(typeof(T)).Properties.First(p => p.Name == member).PropertyType),
            $"/{member}",
            problems
        );

    private static void CheckNames(
        SourceFile file,
        JsonNode? node,
        JsonTypeInfo type,
        string at,
        ICollection<Problem> problems
    )
    {
        switch (node)
        {
            case JsonObject members when type.Kind == JsonTypeInfoKind.Object:
                foreach (var (name, value) in members)
                {
                    var pointer = $"{at}/{name}";
                    if (type.Properties.FirstOrDefault(p => p.Name == name) is not { } property)
                    {
                        var known = type.Properties.Select(p => p.Name).ToList();
                        problems.Add(
                            file.At(
                                pointer,
                                $"'{name}' is not known here",
                                NearestName.Of(name, known) is { } near
                                    ? $"did you mean '{near}'?"
                                    : $"take of {string.Join(", ", known)}"
                            )
                        );
                    }
                    else
                    {
                        CheckNames(file, value, s_json.GetTypeInfo(property.PropertyType), pointer, problems);
                    }
                }

                break;
            case JsonObject entries when type is { Kind: JsonTypeInfoKind.Dictionary, ElementType: { } element }:
                foreach (var (name, value) in entries)
                {
                    CheckNames(file, value, s_json.GetTypeInfo(element), $"{at}/{name}", problems);
                }

                break;
            case JsonArray items when ElementOf(type) is { } element:
                for (var i = 0; i < items.Count; i++)
                {
                    CheckNames(file, items[i], s_json.GetTypeInfo(element), $"{at}/{i}", problems);
                }

                break;
            default:
                break;
        }
    }

    private static Type? ElementOf(JsonTypeInfo type) =>
        type.Kind == JsonTypeInfoKind.Enumerable ? type.ElementType
        // Nullable<ImmutableArray<T>> is its own kind to the serializer.
        : Nullable.GetUnderlyingType(type.Type) is { } inner ? s_json.GetTypeInfo(inner).ElementType
        : null;
}
