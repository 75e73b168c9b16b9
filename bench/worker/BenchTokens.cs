using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Bench.Worker;

/// <summary>An issuer's side: two keys, their public set, and as many tokens as a load needs so that none is remembered.</summary>
internal static class BenchTokens
{
    /// <summary>The <c>iss</c> of every token.</summary>
    public const string Issuer = "https://id.bench.example/";

    /// <summary>The OAuth2 client of every token.</summary>
    public const string Client = "bench";

    /// <summary>Writes <c>keys.json</c>, <c>rs256.txt</c> and <c>es256.txt</c>: a token a line, each for another user.</summary>
    public static void Write(string directory, int count)
    {
        using var rsa = RSA.Create(2048);
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (r, e) = (rsa.ExportParameters(false), curve.ExportParameters(false));
        var keys = new JsonObject
        {
            ["keys"] = new JsonArray(
                new JsonObject
                {
                    ["kty"] = "RSA",
                    ["kid"] = "r1",
                    ["alg"] = "RS256",
                    ["use"] = "sig",
                    ["n"] = Base64Url.EncodeToString(r.Modulus),
                    ["e"] = Base64Url.EncodeToString(r.Exponent),
                },
                new JsonObject
                {
                    ["kty"] = "EC",
                    ["kid"] = "e1",
                    ["alg"] = "ES256",
                    ["use"] = "sig",
                    ["crv"] = "P-256",
                    ["x"] = Base64Url.EncodeToString(e.Q.X),
                    ["y"] = Base64Url.EncodeToString(e.Q.Y),
                }
            ),
        };
        File.WriteAllText(Path.Combine(directory, "keys.json"), keys.ToJsonString());
        WriteTokens("rs256", "RS256", "r1", c => rsa.SignData(c, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        WriteTokens("es256", "ES256", "e1", c => curve.SignData(c, HashAlgorithmName.SHA256));

        void WriteTokens(string name, string algorithm, string key, Func<byte[], byte[]> sign) =>
            File.WriteAllLines(
                Path.Combine(directory, $"{name}.txt"),
                Enumerable.Range(0, count).Select(i => Token(algorithm, key, i, sign))
            );
    }

    private static string Token(string algorithm, string key, int number, Func<byte[], byte[]> sign)
    {
        var now = DateTimeOffset.UtcNow;
        var header = new JsonObject
        {
            ["alg"] = algorithm,
            ["typ"] = "JWT",
            ["kid"] = key,
        };
        var claims = new JsonObject
        {
            ["iss"] = Issuer,
            ["sub"] = $"user-{number}",
            ["azp"] = Client,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.AddDays(1).ToUnixTimeSeconds(),
            ["jti"] = $"{algorithm}-{number}",
            ["scope"] = "items:read items:write",
        };
        var content = $"{Encode(header)}.{Encode(claims)}";
        return $"{content}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(content)))}";
    }

    private static string Encode(JsonObject part) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
