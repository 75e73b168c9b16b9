using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>Lets one named node in once: <c>ghj1_…</c> (docs/decisions/0003).</summary>
public sealed record JoinToken
{
    private const string Prefix = "ghj1_";
    private const int MaxLength = 8192;
    private const int MaxAddresses = 16;
    private const int SecretLength = 32;
    private const int MaxOtherPins = 4;

    /// <summary>Where managers listen for it: <c>host:port</c> of their 7443.</summary>
    public required ImmutableArray<string> Addresses { get; init; }

    /// <summary>SHA-256 of the authority's certificate; the joiner compares before it sends the secret.</summary>
    public required Digest Pin { get; init; }

    /// <summary>The same of an authority that takes over from that one, or is taken over from; else empty.</summary>
    public ImmutableArray<Digest> OtherPins { get; init; } = [];

    /// <summary>Names the token in the ledger.</summary>
    public required string Id { get; init; }

    /// <summary>256 bits that only the token's holder knows.</summary>
    public required ReadOnlyMemory<byte> Secret { get; init; }

    /// <summary>What the node becomes; for display, the manager's ledger decides.</summary>
    public required Profile Profile { get; init; }

    /// <summary>How it is called; for display, the manager's ledger decides.</summary>
    public required string Node { get; init; }

    /// <summary>True for an authority that the token pins.</summary>
    public bool Names(X509Certificate2 authority) =>
        Digest.Of(authority.RawData) is var pin && (pin == Pin || OtherPins.Contains(pin));

    /// <summary>A new secret.</summary>
    public static byte[] NewSecret() => RandomNumberGenerator.GetBytes(SecretLength);

    /// <summary>The text to hand over. It is a secret for as long as the token lives.</summary>
    public string Encode()
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("addresses");
            foreach (var address in Addresses)
            {
                writer.WriteStringValue(address);
            }

            writer.WriteEndArray();
            writer.WriteBase64String("pin", Pin.ToArray());
            if (!OtherPins.IsEmpty)
            {
                writer.WriteStartArray("otherPins");
                foreach (var pin in OtherPins)
                {
                    writer.WriteBase64StringValue(pin.ToArray());
                }

                writer.WriteEndArray();
            }

            writer.WriteString("id", Id);
            writer.WriteBase64String("secret", Secret.Span);
            writer.WriteString("profile", Profile.Name());
            writer.WriteString("node", Node);
            writer.WriteEndObject();
        }

        return SecretText.Encode(Prefix, json.ToArray());
    }

    /// <summary>Reads a pasted token. Throws <see cref="FormatException"/> that says what is wrong and never repeats the text.</summary>
    public static JoinToken Decode(string? text)
    {
        var json = SecretText.Decode(Prefix, "join token", text, MaxLength);
        try
        {
            using var document = JsonDocument.Parse(json, new() { MaxDepth = 4 });
            var root = document.RootElement;
            var addresses = root.GetProperty("addresses")
                .EnumerateArray()
                .Select(a => a.GetString() ?? "")
                .ToImmutableArray();
            var secret = root.GetProperty("secret").GetBytesFromBase64();
            var id = root.GetProperty("id").GetString();
            var node = root.GetProperty("node").GetString();
            if (
                addresses.Length is 0 or > MaxAddresses
                || !addresses.All(a => HostPort.TryParse(a, out _))
                || secret.Length != SecretLength
                || id is not { Length: > 0 and <= 64 }
                || !NodeNames.IsValid(node)
                || !Profiles.TryParse(root.GetProperty("profile").GetString(), out var profile)
            )
            {
                throw Unreadable();
            }

            return new()
            {
                Addresses = addresses,
                Pin = Digest.From(root.GetProperty("pin").GetBytesFromBase64()),
                OtherPins = root.TryGetProperty("otherPins", out var others)
                    ? [.. others.EnumerateArray().Take(MaxOtherPins).Select(p => Digest.From(p.GetBytesFromBase64()))]
                    : [],
                Id = id,
                Secret = secret,
                Profile = profile,
                Node = node!,
            };
        }
        catch (Exception e)
            when (e
                    is JsonException
                        or KeyNotFoundException
                        or InvalidOperationException
                        or ArgumentException
                        or DecoderFallbackException
            )
        {
            throw Unreadable();
        }
    }

    /// <summary>What may be shown: profile, name and id, never the secret.</summary>
    public override string ToString() => $"join token {Id} for {Node} ({Profile.Name()})";

    // The checksum fitted, so it is not the paste: whoever made the token wrote something this build cannot use.
    private static FormatException Unreadable() =>
        new(
            "The join token is whole but says something this build cannot use. Make a new one with the manager's 'gatehouse token create'."
        );
}
