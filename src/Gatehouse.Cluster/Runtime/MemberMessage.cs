using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// What members send each other, as JSON bytes: Akka's own fallback for objects is Newtonsoft.Json with type names in
/// the message, a known way in for an attacker, and is switched off (<see cref="RefusingSerializer"/>).
/// </summary>
internal sealed record MemberMessage
{
    /// <summary>Far above a card with the largest properties, below Akka's frame of 128 000 bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    public required MessageKind Kind { get; init; }

    public required Hello From { get; init; }

    public MemberCard? Card { get; init; }

    /// <summary>Within what the rest of this project can show and compute with, whoever sent it.</summary>
    [JsonIgnore]
    public bool IsSane =>
        From.Port is > 0 and < 65536
        && Uri.CheckHostName(From.Host) != UriHostNameType.Unknown
        && From.Cluster is not { Size: < 1 or > 100_000 }
        && Card is not { StartedAt: < 0 or > MaxTime };

    private const long MaxTime = 253_402_300_799_999; // the year 9999

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, MemberJson.Default.MemberMessage);

    /// <summary>Null for anything that is not a message of ours.</summary>
    public static MemberMessage? Read(byte[] bytes)
    {
        if (bytes.Length > MaxBytes)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(bytes, MemberJson.Default.MemberMessage) is { IsSane: true } message
                ? message
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal enum MessageKind
{
    /// <summary>Who are you, and which cluster are you in? Also asked by nodes that are in none, or of another domain.</summary>
    Hello,

    /// <summary>The answer to it.</summary>
    Welcome,

    /// <summary>Please tell me of yourself.</summary>
    CardWanted,

    /// <summary>What a member tells of itself.</summary>
    Card,
}

/// <summary>Who speaks. Comes with every message, so that both sides of a hello learn what the other is.</summary>
internal sealed record Hello
{
    public required string Domain { get; init; }
    public required string Node { get; init; }

    /// <summary>Host and port it is reached on, which need not be those it was asked on.</summary>
    public required string Host { get; init; }
    public required int Port { get; init; }

    /// <summary>Which incarnation: differs after every start.</summary>
    public required long Uid { get; init; }

    /// <summary>It is one of the well-known members, and so may form a cluster.</summary>
    public required bool Listed { get; init; }

    /// <summary>The cluster it is in, if any.</summary>
    public ClusterClaim? Cluster { get; init; }

    [JsonIgnore]
    public MemberAddress Address => new(Host, Port);
}

/// <summary>A cluster as one of its members describes it.</summary>
/// <param name="Id">Address and incarnation of the oldest member: known to all of one cluster, in no two of them.</param>
/// <param name="Size">How many members it has.</param>
/// <param name="FormedAt">When the oldest began, in milliseconds; the largest number when unknown, so that the unknown is the younger.</param>
internal sealed record ClusterClaim(string Id, int Size, long FormedAt);

/// <summary>What a member tells of itself. For display only.</summary>
internal sealed record MemberCard
{
    public required string Node { get; init; }
    public required string Profile { get; init; }
    public required string SubDomain { get; init; }
    public required string Version { get; init; }
    public required long StartedAt { get; init; }
    public required ImmutableSortedDictionary<string, string> Properties { get; init; }

    public static MemberCard Of(MembershipSettings settings, DateTimeOffset started) =>
        new()
        {
            Node = settings.NodeName,
            Profile = settings.Profile.Name(),
            SubDomain = settings.SubDomain,
            Version = settings.Version,
            StartedAt = started.ToUnixTimeMilliseconds(),
            Properties = settings.Properties,
        };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(MemberMessage))]
internal sealed partial class MemberJson : JsonSerializerContext;
