using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Model;

/// <summary>What a node runs. Spelled in lower case with dashes (<see cref="Profiles"/>). Append only.</summary>
[JsonConverter(typeof(ProfileConverter))]
public enum Profile
{
    /// <summary><c>all-in-one</c>: everything in one process.</summary>
    AllInOne,

    /// <summary><c>gateway-manager</c>: the catalogue, REST, the console; no publisher, no developer portal, no OAuth2.</summary>
    GatewayManager,

    /// <summary><c>gateway-worker</c>: API traffic, read-only.</summary>
    GatewayWorker,

    /// <summary><c>load-balancer</c>: spreads traffic over the nodes.</summary>
    LoadBalancer,

    /// <summary><c>control-plane</c>: all of management, no API traffic.</summary>
    ControlPlane,

    /// <summary><c>api-publisher</c>: where APIs are designed and deployed.</summary>
    ApiPublisher,

    /// <summary><c>api-devportal</c> (formerly <c>api-store</c>): where developers subscribe.</summary>
    ApiDevportal,

    /// <summary><c>api-key-manager</c>: OAuth2 and issuers.</summary>
    ApiKeyManager,

    /// <summary><c>traffic-manager</c>: plans, policies, blocks.</summary>
    TrafficManager,
}

/// <summary>The names of profiles and what each may do.</summary>
public static class Profiles
{
    private static readonly (Profile Profile, string Name)[] s_names =
    [
        (Profile.AllInOne, "all-in-one"),
        (Profile.GatewayManager, "gateway-manager"),
        (Profile.GatewayWorker, "gateway-worker"),
        (Profile.LoadBalancer, "load-balancer"),
        (Profile.ControlPlane, "control-plane"),
        (Profile.ApiPublisher, "api-publisher"),
        (Profile.ApiDevportal, "api-devportal"),
        (Profile.ApiKeyManager, "api-key-manager"),
        (Profile.TrafficManager, "traffic-manager"),
    ];

    /// <summary>Every name, in the order of the enum.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_names.Select(n => n.Name)];

    /// <summary>The profile's name.</summary>
    public static string Name(this Profile profile) => s_names[(int)profile].Name;

    /// <summary>Reads a name. False on anything else.</summary>
    public static bool TryParse(string? name, out Profile profile)
    {
        // What the developer portal was called in the old product.
        var index = Array.FindIndex(s_names, n => n.Name == (name == "api-store" ? "api-devportal" : name));
        profile = index < 0 ? default : s_names[index].Profile;
        return index >= 0;
    }

    /// <summary>Holds the catalogue and serves the feed.</summary>
    public static bool IsManager(this Profile profile) => ManagementParts.Of(profile) != ManagementPart.None;

    /// <summary>Serves API traffic.</summary>
    public static bool IsWorker(this Profile profile) => profile is Profile.AllInOne or Profile.GatewayWorker;
}

/// <summary>Reads and writes a profile by its name.</summary>
public sealed class ProfileConverter : JsonConverter<Profile>
{
    /// <inheritdoc/>
    /// <inheritdoc/>
    public override Profile Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Profiles.TryParse(reader.GetString(), out var profile)
            ? profile
            : throw new JsonException($"A profile is one of {string.Join(", ", Profiles.Names)}.");

    /// <inheritdoc/>
    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Profile value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Name());
}
