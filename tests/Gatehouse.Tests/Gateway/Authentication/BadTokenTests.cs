using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Model;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway.Authentication;

/// <summary>Tokens that must open nothing, each over a real socket; and that whatever is not one honest token is none.</summary>
public sealed class BadTokenTests
{
    private static readonly FakeTimeProvider s_time = new(DateTimeOffset.Parse("2026-03-01T12:00:00Z", null));
    private static readonly TokenMint s_mint = new();

    private static JsonObject Claims => With("aud", "api");

    private static string Honest => s_mint.Rs256(Claims);

    private static readonly Dictionary<string, Func<string>> s_cases = Cases();

    [Fact]
    public void There_are_enough_of_them() => Assert.InRange(s_cases.Count, 80, 1000);

    [Fact]
    public async Task None_of_them_opens_the_API_and_the_honest_one_still_does()
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync(time: s_time);
        gateway.Run(
            (Entities.Petstore(backend.Url) with { Security = ["oauth2"] }).Put(),
            TokenMint.Put(s_mint.Issuer with { Audiences = ["api"] }),
            Entities.Application("app_1"),
            Entities.Subscription("app_1", "petstore:1.0.0"),
            TokenMint.ClientOf("app_1")
        );
        var wrong = new List<string>();
        foreach (var (name, token) in s_cases)
        {
            // Twice: what is remembered of the first must not open the second.
            for (var i = 0; i < 2; i++)
            {
                using var answer = await gateway.SendAsync(
                    HttpMethod.Get,
                    "/petstore/1.0.0/pets",
                    headers: ("Authorization", $"Bearer {token()}")
                );
                var expected = name.StartsWith("aud", StringComparison.Ordinal)
                    ? HttpStatusCode.Forbidden
                    : HttpStatusCode.Unauthorized;
                if (answer.StatusCode != expected)
                {
                    wrong.Add($"{name}: {(int)answer.StatusCode}");
                }
            }
        }

        Assert.Empty(wrong);
        Assert.Empty(backend.Requests);
        using var honest = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("Authorization", $"Bearer {Honest}")
        );
        Assert.Equal(HttpStatusCode.OK, honest.StatusCode);
    }

    [Fact]
    public void Reading_whatever_text_never_throws() =>
        Gen.OneOf(
                Gen.String,
                Gen.String[Gen.Char["ey.JhbGciOiJSUzI1NiJ9_-=+/ \"{}"], 0, 200],
                Gen.Byte.Array[0, 120]
                    .Select(b => $"{TokenMint.Encode(b)}.{TokenMint.Encode(b)}.{TokenMint.Encode(b)}"),
                Gen.String.Select(json => $"{TokenMint.Encode("""{"alg":"RS256"}""")}.{TokenMint.Encode(json)}.AAAA")
            )
            .Sample(text => UnverifiedToken.Parse(text)?.Dispose(), iter: 20_000);

    [Fact]
    public async Task No_change_of_a_token_is_accepted()
    {
        var honest = s_mint.Sign("ES256", "e1", Claims.ToJsonString());
        const string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= ";
        using var gate = new CryptoGate(2, 64);
        using var http = new HttpClient();
        var verifier = new TokenVerifier(s_time, gate, http, NullLogger.Instance);
        var issuers = IssuerDirectory.Empty.With(
            "corp",
            CompiledIssuer.TryCompile(s_mint.Issuer, null, null, out _, out _)
        );
        Assert.Equal(
            TokenVerdict.Valid,
            (await verifier.CheckAsync(honest, Digest.Of("0"u8), issuers, new([], "default"))).Verdict
        );
        var changed = Gen.OneOf(
            Gen.Select(
                Gen.Int[0, honest.Length - 1],
                Gen.Char[digits],
                (at, c) => $"{honest[..at]}{c}{honest[(at + 1)..]}"
            ),
            Gen.Select(Gen.Int[0, honest.Length], Gen.Char[digits], (at, c) => $"{honest[..at]}{c}{honest[at..]}"),
            Gen.Int[0, honest.Length - 1].Select(at => honest.Remove(at, 1)),
            Gen.Int[0, honest.Length - 1].Select(at => honest[..at]),
            Gen.Select(
                Gen.Int[0, honest.Length - 1],
                Gen.Int[1, 40],
                (at, n) => honest.Remove(at, Math.Min(n, honest.Length - at))
            )
        );
        await changed.SampleAsync(
            async text =>
            {
                var result = await verifier.CheckAsync(
                    text,
                    Digest.Of(Encoding.UTF8.GetBytes(text)),
                    issuers,
                    new([], "default")
                );
                Assert.True(text == honest || result.Verdict != TokenVerdict.Valid, text);
            },
            iter: 2_000
        );
    }

    private static Dictionary<string, Func<string>> Cases()
    {
        var cases = new Dictionary<string, Func<string>>();

        // Form.
        cases["one part"] = () => "abc";
        cases["two parts"] = () => Honest[..Honest.LastIndexOf('.')];
        cases["four parts"] = () => Honest + ".AAAA";
        cases["five parts (JWE)"] = () => "a.b.c.d.e";
        cases["dots alone"] = () => "..";
        cases["empty header"] = () => Honest[Honest.IndexOf('.')..];
        cases["empty payload"] = () => Part(Honest, 1, "");
        cases["empty signature"] = () => Part(Honest, 2, "");
        cases["padding in the header"] = () => Part(Honest, 0, Honest.Split('.')[0] + "=");
        cases["padding in the signature"] = () => Honest + "==";
        cases["standard base64"] = () => Part(Honest, 2, "+/" + Honest.Split('.')[2][2..]);
        cases["bits left over in the signature"] = () => NonCanonical(Honest, 2);
        cases["bits left over in the payload"] = () => PayloadOfLength(1, t => NonCanonical(t, 1));
        cases["length that no bytes have"] = () => Part(Honest, 2, Honest.Split('.')[2] + "AAA");
        cases["longer than taken"] = () => s_mint.Rs256(With("pad", new string('x', UnverifiedToken.Longest)));
        cases["header longer than taken"] = () =>
            Headed($$"""{"alg":"RS256","kid":"r1","x":"{{new string('x', 2000)}}"}""");
        cases["kid longer than taken"] = () => Headed($$"""{"alg":"RS256","kid":"{{new string('k', 300)}}"}""");
        cases["header is no JSON"] = () => Headed("alg=RS256");
        cases["header is a list"] = () => Headed("""["RS256"]""");
        cases["header with a comment"] = () => Headed("""{"alg":"RS256"/**/}""");
        cases["header with a trailing comma"] = () => Headed("""{"alg":"RS256",}""");
        cases["header with text behind"] = () => Headed("""{"alg":"RS256"}{}""");
        cases["header with a byte order mark"] = () => Headed("\uFEFF{\"alg\":\"RS256\",\"kid\":\"r1\"}");
        cases["alg twice"] = () => Headed("""{"alg":"RS256","alg":"RS256","kid":"r1"}""");
        cases["alg twice, once escaped"] = () => Headed("""{"alg":"RS256","\u0061lg":"none","kid":"r1"}""");
        cases["kid twice"] = () => Headed("""{"alg":"RS256","kid":"r1","kid":"r1"}""");
        cases["payload is no JSON"] = () => s_mint.Sign("RS256", "r1", "hello");
        cases["payload is a list"] = () => s_mint.Sign("RS256", "r1", "[]");
        cases["payload is null"] = () => s_mint.Sign("RS256", "r1", "null");
        cases["payload too deep"] = () =>
            s_mint.Sign("RS256", "r1", Raw($"\"x\":{new string('[', 40)}{new string(']', 40)}"));
        cases["payload that is not UTF-8"] = () =>
            SignBytes([.. Encoding.UTF8.GetBytes(Raw("\"x\":\"")[..^1]), 0xC3, 0x28, .. "\"}"u8]);
        cases["half a surrogate in a claim"] = () =>
            s_mint.Sign(
                "RS256",
                "r1",
                Raw("\"jti\":\"\\ud800\"").Replace("\"jti\":\"t1\",", "", StringComparison.Ordinal)
            );
        cases["exp twice"] = () => s_mint.Sign("RS256", "r1", Raw("\"exp\":99999999999"));
        cases["iss twice"] = () => s_mint.Sign("RS256", "r1", Raw("\"iss\":\"https://id.example/\""));
        cases["sub twice, once escaped"] = () => s_mint.Sign("RS256", "r1", Raw("\"s\\u0075b\":\"root\""));

        // Algorithm.
        cases["none"] = () => Unsigned("none");
        cases["None"] = () => Unsigned("None");
        cases["NONE"] = () => Unsigned("NONE");
        cases["nOnE"] = () => Unsigned("nOnE");
        cases["none with a signature"] = () => Headed("""{"alg":"none","kid":"r1"}""");
        cases["empty alg"] = () => Headed("""{"alg":"","kid":"r1"}""");
        cases["no alg"] = () => Headed("""{"kid":"r1"}""");
        cases["alg is a number"] = () => Headed("""{"alg":256,"kid":"r1"}""");
        cases["alg is a list"] = () => Headed("""{"alg":["RS256"],"kid":"r1"}""");
        cases["alg in lower case"] = () => Headed("""{"alg":"rs256","kid":"r1"}""");
        cases["alg with a space"] = () => Headed("""{"alg":"RS256 ","kid":"r1"}""");
        cases["HS256 with the public key as PEM"] = () =>
            Hmac(Encoding.ASCII.GetBytes(s_mint.Rsa.ExportSubjectPublicKeyInfoPem()));
        cases["HS256 with the public key as DER"] = () => Hmac(s_mint.Rsa.ExportSubjectPublicKeyInfo());
        cases["HS256 with the modulus"] = () => Hmac(s_mint.Rsa.ExportParameters(false).Modulus!);
        cases["HS256 with an empty key"] = () => Hmac([]);
        cases["HS512"] = () => Headed("""{"alg":"HS512","kid":"r1"}""");
        cases["EdDSA"] = () => Headed("""{"alg":"EdDSA","kid":"r1"}""");
        cases["ES256K"] = () => Headed("""{"alg":"ES256K","kid":"e1"}""");
        cases["RS1"] = () => Headed("""{"alg":"RS1","kid":"r1"}""");
        cases["PS256 with a key pinned to RS256"] = () => s_mint.Sign("PS256", "r1", Claims.ToJsonString());
        cases["RS256 with a key pinned to PS256"] = () => s_mint.Rs256(Claims, "p1");
        cases["RS384 with a key pinned to RS256"] = () => s_mint.Sign("RS384", "r1", Claims.ToJsonString());
        cases["RS512 with a key pinned to RS256"] = () => s_mint.Sign("RS512", "r1", Claims.ToJsonString());
        cases["ES384 with a P-256 key"] = () =>
            s_mint.SignAs("""{"alg":"ES384","kid":"e1"}""", Claims.ToJsonString(), "ES256");
        cases["RS256 with the name of an EC key"] = () => s_mint.Rs256(Claims, "e1");

        // Keys.
        cases["no key of that name"] = () => s_mint.Rs256(Claims, "r2");
        cases["name of a key in other case"] = () => s_mint.Rs256(Claims, "R1");
        cases["name of a key as a path"] = () => s_mint.Rs256(Claims, "../../dev/null");
        cases["name of a key as SQL"] = () => s_mint.Rs256(Claims, "r1' OR '1'='1");
        cases["empty kid"] = () => s_mint.Rs256(Claims, "");
        cases["kid is a number"] = () => Headed("""{"alg":"RS256","kid":1}""");
        cases["key brought along"] = () =>
            ByStranger($$"""{"alg":"RS256","jwk":{{TokenMint.Jwk(s_mint.Stranger, "r1", "RS256").ToJsonString()}}}""");
        cases["key brought along with a known name"] = () =>
            ByStranger(
                $$"""{"alg":"RS256","kid":"r1","jwk":{{TokenMint.Jwk(s_mint.Stranger, "r1", "RS256").ToJsonString()}}}"""
            );
        cases["honest but with a key brought along"] = () =>
            Headed(
                $$"""{"alg":"RS256","kid":"r1","jwk":{{TokenMint.Jwk(s_mint.Rsa, "r1", "RS256").ToJsonString()}}}"""
            );
        cases["jku"] = () => Headed("""{"alg":"RS256","kid":"r1","jku":"https://evil.example/keys"}""");
        cases["x5u"] = () => Headed("""{"alg":"RS256","kid":"r1","x5u":"https://evil.example/cert"}""");
        cases["x5c"] = () => Headed("""{"alg":"RS256","kid":"r1","x5c":["MIIB"]}""");
        cases["crit"] = () => Headed("""{"alg":"RS256","kid":"r1","crit":["exp"],"exp":1}""");
        cases["empty crit"] = () => Headed("""{"alg":"RS256","kid":"r1","crit":[]}""");
        cases["b64 false"] = () => Headed("""{"alg":"RS256","kid":"r1","b64":false}""");
        cases["zip"] = () => Headed("""{"alg":"RS256","kid":"r1","zip":"DEF"}""");
        cases["enc"] = () => Headed("""{"alg":"RS256","kid":"r1","enc":"A128GCM"}""");
        cases["signed by a stranger"] = () => ByStranger("""{"alg":"RS256","kid":"r1"}""");

        // Purpose.
        cases["typ of a logout token"] = () => Headed("""{"alg":"RS256","kid":"r1","typ":"logout+jwt"}""");
        cases["typ of a DPoP proof"] = () => Headed("""{"alg":"RS256","kid":"r1","typ":"dpop+jwt"}""");
        cases["typ is a number"] = () => Headed("""{"alg":"RS256","kid":"r1","typ":1}""");
        cases["nested token"] = () => Headed("""{"alg":"RS256","kid":"r1","cty":"JWT"}""");

        // Signature.
        cases["signature of zeros"] = () => Part(Honest, 2, TokenMint.Encode(new byte[256]));
        cases["signature of another token"] = () => Part(Honest, 2, s_mint.Rs256(With("jti", "t2")).Split('.')[2]);
        cases["payload changed"] = () => Part(Honest, 1, TokenMint.Encode(With("sub", "root").ToJsonString()));
        cases["header changed"] = () =>
            Part(Honest, 0, TokenMint.Encode("""{"alg":"RS256","kid":"r1","typ":"at+jwt"}"""));
        cases["ECDSA signature of zeros (CVE-2022-21449)"] = () => Part(Es256(), 2, TokenMint.Encode(new byte[64]));
        cases["ECDSA signature as DER"] = () => Part(Es256(), 2, TokenMint.Encode(DerSignature()));
        cases["ECDSA signature with a byte more"] = () => Part(Es256(), 2, TokenMint.Encode(new byte[65]));
        cases["RSA signature with a byte in front"] = () =>
            Part(Honest, 2, TokenMint.Encode([0, .. Signature(Honest)]));
        cases["RSA signature cut"] = () => Part(Honest, 2, TokenMint.Encode(Signature(Honest)[..255]));

        // Time.
        cases["expired"] = () => s_mint.Rs256(With("exp", Now(-31)));
        cases["expired at the epoch"] = () => s_mint.Rs256(With("exp", 0));
        cases["no exp"] = () => s_mint.Rs256(Without("exp"));
        cases["exp is text"] = () => s_mint.Rs256(With("exp", "99999999999"));
        cases["exp is null"] = () => s_mint.Rs256(With("exp", null));
        cases["exp is negative"] = () => s_mint.Rs256(With("exp", -1));
        cases["exp is out of this world"] = () =>
            s_mint.Sign(
                "RS256",
                "r1",
                Raw("\"exp\":1e300").Replace($"\"exp\":{Now(300)},", "", StringComparison.Ordinal)
            );
        cases["not yet valid"] = () => s_mint.Rs256(With("nbf", Now(31)));
        cases["nbf is text"] = () => s_mint.Rs256(With("nbf", "0"));
        cases["issued in the future"] = () => s_mint.Rs256(With("iat", Now(31)));

        // Whose.
        cases["no iss"] = () => s_mint.Rs256(Without("iss"));
        cases["another iss"] = () => s_mint.Rs256(With("iss", "https://evil.example/"));
        cases["iss without its slash"] = () => s_mint.Rs256(With("iss", "https://id.example"));
        cases["iss in other case"] = () => s_mint.Rs256(With("iss", "https://ID.example/"));
        cases["iss is a list"] = () => s_mint.Rs256(With("iss", new JsonArray(TokenMint.Url)));
        cases["sub is a number"] = () => s_mint.Rs256(With("sub", 1));
        cases["azp is an object"] = () => s_mint.Rs256(With("azp", new JsonObject()));
        cases["jti is a list"] = () => s_mint.Rs256(With("jti", new JsonArray("t1")));
        cases["scope is a number"] = () => s_mint.Rs256(With("scope", 1));
        cases["scope list with a number"] = () => s_mint.Rs256(With("scope", new JsonArray("a", 1)));
        cases["aud missing"] = () => s_mint.Rs256(Without("aud"));
        cases["aud of another"] = () => s_mint.Rs256(With("aud", "web"));
        cases["aud in other case"] = () => s_mint.Rs256(With("aud", "API"));
        cases["aud list of others"] = () => s_mint.Rs256(With("aud", new JsonArray("web", "tv")));
        cases["an object as aud"] = () => s_mint.Rs256(With("aud", new JsonObject { ["api"] = true }));
        cases["a list with a number as aud"] = () => s_mint.Rs256(With("aud", new JsonArray("api", 1)));
        return cases;
    }

    private static JsonObject With(string claim, JsonNode? value)
    {
        var claims = TokenMint.Claims(s_time.GetUtcNow());
        if (!claim.StartsWith("aud", StringComparison.Ordinal))
        {
            claims["aud"] = "api";
        }

        claims[claim] = value;
        return claims;
    }

    private static JsonObject Without(string claim)
    {
        var claims = With("aud", "api");
        claims.Remove(claim);
        return claims;
    }

    /// <summary>The honest claims as text with a member more at the end, which JSON objects of the library would not hold twice.</summary>
    private static string Raw(string member) => $"{Claims.ToJsonString()[..^1]},{member}}}";

    private static string Headed(string header) => s_mint.SignAs(header, Claims.ToJsonString(), "RS256");

    private static string Es256() => s_mint.Sign("ES256", "e1", Claims.ToJsonString());

    private static string Part(string token, int index, string part)
    {
        var parts = token.Split('.');
        parts[index] = part;
        return string.Join('.', parts);
    }

    private static byte[] Signature(string token) => System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[2]);

    // The last digit of a part whose length leaves bits over, with one of those bits set.
    private static string NonCanonical(string token, int index)
    {
        const string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var part = token.Split('.')[index];
        Assert.NotEqual(0, part.Length % 4);
        return Part(token, index, part[..^1] + digits[digits.IndexOf(part[^1], StringComparison.Ordinal) + 1]);
    }

    private static string PayloadOfLength(int remainder, Func<string, string> change)
    {
        for (var pad = 0; ; pad++)
        {
            var token = s_mint.Rs256(With("pad", new string('x', pad)));
            if (token.Split('.')[1].Length % 4 == 1 + remainder)
            {
                return change(token);
            }
        }
    }

    private static string Unsigned(string alg) =>
        $"{TokenMint.Encode($$"""{"alg":"{{alg}}","typ":"JWT"}""")}.{TokenMint.Encode(Claims.ToJsonString())}.";

    private static string Hmac(byte[] key)
    {
        var content = $"{TokenMint.Encode("""{"alg":"HS256","kid":"r1"}""")}.{TokenMint.Encode(Claims.ToJsonString())}";
        return $"{content}.{TokenMint.Encode(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(content)))}";
    }

    private static string ByStranger(string header)
    {
        var content = $"{TokenMint.Encode(header)}.{TokenMint.Encode(Claims.ToJsonString())}";
        var signature = s_mint.Stranger.SignData(
            Encoding.ASCII.GetBytes(content),
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        );
        return $"{content}.{TokenMint.Encode(signature)}";
    }

    private static string SignBytes(byte[] payload)
    {
        var content = $"{TokenMint.Encode("""{"alg":"RS256","kid":"r1"}""")}.{TokenMint.Encode(payload)}";
        return $"{content}.{TokenMint.Encode(s_mint.SignatureOf(Encoding.ASCII.GetBytes(content), "RS256"))}";
    }

    private static byte[] DerSignature()
    {
        var token = Es256();
        return s_mint.P256.SignData(
            Encoding.ASCII.GetBytes(token[..token.LastIndexOf('.')]),
            HashAlgorithmName.SHA256,
            DSASignatureFormat.Rfc3279DerSequence
        );
    }

    private static long Now(int seconds) => s_time.GetUtcNow().AddSeconds(seconds).ToUnixTimeSeconds();
}
