using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace Gatehouse.Gateway.Authentication;

/// <summary>The usable keys of a JWK set (RFC 7517). Immutable; another set is another object, which is how caches notice.</summary>
internal sealed class KeySet
{
    private const int MostKeys = 100;
    private const int SmallestRsa = 2048;

    // Checking costs with the square of the size; no issuer of this world has more.
    private const int LargestRsa = 8192;

    private readonly ImmutableArray<VerificationKey> _keys;

    private KeySet(ImmutableArray<VerificationKey> keys) => _keys = keys;

    public int Count => _keys.Length;

    /// <summary>
    /// Reads a set. Keys that are of no use here are passed over, as RFC 7517 §5 asks; null with <paramref name="problem"/>
    /// when no key is left or the text is no set.
    /// </summary>
    public static KeySet? Parse(ReadOnlyMemory<byte> json, ImmutableArray<string> algorithms, out string problem)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new() { AllowDuplicateProperties = false, MaxDepth = 8 });
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("keys", out var list)
                || list.ValueKind != JsonValueKind.Array
            )
            {
                problem = "It is no JWK set: there is no list called keys.";
                return null;
            }

            if (list.GetArrayLength() > MostKeys)
            {
                problem = $"It holds more than {MostKeys} keys.";
                return null;
            }

            var keys = ImmutableArray.CreateBuilder<VerificationKey>();
            var passed = new List<string>();
            foreach (var jwk in list.EnumerateArray())
            {
                if (Read(jwk, algorithms, out var why) is { } key)
                {
                    keys.Add(key);
                }
                else
                {
                    passed.Add(why);
                }
            }

            problem = keys.Count > 0 ? "" : $"It holds no usable key. {string.Join(" ", passed.Take(3))}".TrimEnd();
            return keys.Count > 0 ? new(keys.ToImmutable()) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            problem = "It is no JSON text with each member once.";
            return null;
        }
    }

    /// <summary>
    /// The key for a token: the one of that name and algorithm or, for a token that names none, the only one of that
    /// algorithm. At most one, so that a token buys one check.
    /// </summary>
    public VerificationKey? Find(string? id, string algorithm)
    {
        VerificationKey? found = null;
        foreach (var key in _keys)
        {
            if (key.Algorithm.Name != algorithm || (id is not null && key.Id != id))
            {
                continue;
            }

            if (found is not null && found.Thumbprint != key.Thumbprint)
            {
                return null;
            }

            found = key;
        }

        return found;
    }

    /// <summary>True when a key of that name is here, whatever its algorithm: asking the issuer again would not help.</summary>
    public bool Knows(string? id)
    {
        foreach (var key in _keys)
        {
            if (id is null || key.Id == id)
            {
                return true;
            }
        }

        return false;
    }

    public bool Holds(VerificationKey known)
    {
        foreach (var key in _keys)
        {
            if (key.Thumbprint == known.Thumbprint)
            {
                return true;
            }
        }

        return false;
    }

    private static VerificationKey? Read(JsonElement jwk, ImmutableArray<string> allowed, out string why)
    {
        why = "A key is no object.";
        if (jwk.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var id = Text(jwk, "kid");
        var name = id is null ? "A key" : $"The key '{id[..Math.Min(id.Length, 40)]}'";
        if (jwk.TryGetProperty("d", out _) || jwk.TryGetProperty("k", out _))
        {
            why = $"{name} is secret, not public.";
            return null;
        }

        if (
            jwk.TryGetProperty("use", out var use) && !(use.ValueKind == JsonValueKind.String && use.ValueEquals("sig"))
        )
        {
            why = $"{name} is not for signatures (use).";
            return null;
        }

        if (jwk.TryGetProperty("key_ops", out var operations) && !Lists(operations, "verify"))
        {
            why = $"{name} is not for checking signatures (key_ops).";
            return null;
        }

        try
        {
            return Text(jwk, "kty") switch
            {
                "RSA" => Rsa(jwk, id, allowed, name, out why),
                "EC" => Curve(jwk, id, allowed, name, out why),
                "OKP" => Edwards(jwk, id, allowed, name, out why),
                var other => Not($"{name} is of type '{other}', which this build does not check with.", out why),
            };
        }
        catch (CryptographicException)
        {
            why = $"{name} has parameters that make no key.";
            return null;
        }
    }

    private static VerificationKey? Rsa(
        JsonElement jwk,
        string? id,
        ImmutableArray<string> allowed,
        string name,
        out string why
    )
    {
        if (Algorithm(jwk, allowed, a => a.IsRsa) is not { } algorithm)
        {
            return Not($"{name} has no algorithm that the issuer may use.", out why);
        }

        if (Bytes(jwk, "n") is not { } modulus || Bytes(jwk, "e") is not { } exponent)
        {
            return Not($"{name} lacks n or e.", out why);
        }

        modulus = [.. modulus.SkipWhile(b => b == 0)];
        exponent = [.. exponent.SkipWhile(b => b == 0)];
        var bits = modulus.Length == 0 ? 0 : (modulus.Length * 8) - byte.LeadingZeroCount(modulus[0]);
        if (bits is < SmallestRsa or > LargestRsa)
        {
            return Not($"{name} has {bits} bits; {SmallestRsa} to {LargestRsa} are taken.", out why);
        }

        // An exponent of 1 makes every text its own signature; a long one makes checking slow.
        if (exponent.Length is 0 or > 4 || exponent[^1] % 2 == 0 || exponent is [1])
        {
            return Not($"{name} has an exponent that no honest key has.", out why);
        }

        why = "";
        return new(id, algorithm, new RSAParameters { Modulus = modulus, Exponent = exponent });
    }

    private static VerificationKey? Curve(
        JsonElement jwk,
        string? id,
        ImmutableArray<string> allowed,
        string name,
        out string why
    )
    {
        var (curve, bits) = Text(jwk, "crv") switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 256),
            "P-384" => (ECCurve.NamedCurves.nistP384, 384),
            "P-521" => (ECCurve.NamedCurves.nistP521, 521),
            _ => (default, 0),
        };
        if (bits == 0 || Algorithm(jwk, allowed, a => a.CurveBits == bits) is not { } algorithm)
        {
            return Not($"{name} has no curve and algorithm that the issuer may use.", out why);
        }

        var size = (bits + 7) / 8;
        if (Bytes(jwk, "x") is not { } x || Bytes(jwk, "y") is not { } y || x.Length != size || y.Length != size)
        {
            return Not($"{name} lacks x or y of {size} bytes.", out why);
        }

        why = "";
        return new(
            id,
            algorithm,
            new ECParameters
            {
                Curve = curve,
                Q = new() { X = x, Y = y },
            }
        );
    }

    private static VerificationKey? Edwards(
        JsonElement jwk,
        string? id,
        ImmutableArray<string> allowed,
        string name,
        out string why
    )
    {
        if (Text(jwk, "crv") != "Ed25519" || Algorithm(jwk, allowed, a => a.IsEdwards) is not { } algorithm)
        {
            return Not($"{name} has no curve and algorithm that the issuer may use.", out why);
        }

        if (Bytes(jwk, "x") is not { Length: 32 } point)
        {
            return Not($"{name} lacks x of 32 bytes.", out why);
        }

        why = "";
        return new(id, algorithm, point);
    }

    // Exactly one for a key: its own, or the issuer's first that fits its type.
    private static SignatureAlgorithm? Algorithm(
        JsonElement jwk,
        ImmutableArray<string> allowed,
        Func<SignatureAlgorithm, bool> fits
    )
    {
        if (!jwk.TryGetProperty("alg", out _))
        {
            return allowed.Select(SignatureAlgorithm.Find).FirstOrDefault(a => a is not null && fits(a));
        }

        return
            Text(jwk, "alg") is { } said
            && allowed.Contains(said)
            && SignatureAlgorithm.Find(said) is { } algorithm
            && fits(algorithm)
            ? algorithm
            : null;
    }

    private static VerificationKey? Not(string reason, out string why)
    {
        why = reason;
        return null;
    }

    private static string? Text(JsonElement jwk, string member) =>
        jwk.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[]? Bytes(JsonElement jwk, string member) =>
        Text(jwk, member) is { Length: <= 2048 } text ? StrictBase64Url.Decode(text) : null;

    private static bool Lists(JsonElement list, string word) =>
        list.ValueKind == JsonValueKind.Array
        && list.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && item.ValueEquals(word));
}
