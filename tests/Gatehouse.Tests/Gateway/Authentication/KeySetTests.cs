using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Model;

namespace Gatehouse.Tests.Gateway.Authentication;

public sealed class KeySetTests
{
    private readonly TokenMint _mint = new();

    [Theory]
    [InlineData("use", "\"enc\"")]
    [InlineData("use", "1")]
    [InlineData("key_ops", "[\"sign\"]")]
    [InlineData("key_ops", "\"verify\"")]
    [InlineData("alg", "\"HS256\"")]
    [InlineData("alg", "\"none\"")]
    [InlineData("alg", "\"ES256\"")]
    [InlineData("alg", "256")]
    [InlineData("kty", "\"EC\"")]
    [InlineData("kty", "\"oct\"")]
    [InlineData("d", "\"AQAB\"")]
    [InlineData("k", "\"AQAB\"")]
    [InlineData("e", "\"AQ\"")]
    [InlineData("e", "\"AQAA\"")]
    [InlineData("e", "\"AQAB=\"")]
    [InlineData("e", "\"AQABAQAB\"")]
    [InlineData("n", "\"AQAB\"")]
    [InlineData("n", "1")]
    public void A_key_that_must_not_check_signatures_is_passed_over(string member, string value)
    {
        var key = TokenMint.Jwk(_mint.Rsa, "r1", "RS256");
        Assert.NotNull(Read(key));

        key[member] = JsonNode.Parse(value);

        Assert.Null(Read(key));
    }

    [Fact]
    public void A_small_key_and_a_point_off_the_curve_are_passed_over()
    {
        using var small = RSA.Create(1024);
        Assert.Null(Read(TokenMint.Jwk(small, "r1", "RS256")));
        var point = TokenMint.Jwk(_mint.P256, "e1", "ES256");
        point["x"] = TokenMint.Encode(new byte[32]);
        Assert.Null(Read(point));
        var curve = TokenMint.Jwk(_mint.P256, "e1", "ES256");
        curve["crv"] = "P-384";
        Assert.Null(Read(curve));
    }

    [Fact]
    public void A_key_without_an_algorithm_is_pinned_to_the_issuers_first_of_its_type()
    {
        var set = KeySet.Parse(
            Bytes(TokenMint.Set(TokenMint.Jwk(_mint.Rsa, "r1", null))),
            ["ES256", "PS256", "RS256"],
            out _
        );

        Assert.NotNull(set!.Find("r1", "PS256"));
        Assert.Null(set.Find("r1", "RS256"));
    }

    [Fact]
    public void A_usable_key_counts_beside_unusable_ones()
    {
        var set = KeySet.Parse(
            Bytes(TokenMint.Set(new() { ["kty"] = "OKP" }, [], TokenMint.Jwk(_mint.P256, "e1", "ES256"))),
            Issuer.DefaultAlgorithms,
            out _
        );

        Assert.Equal(1, set!.Count);
    }

    [Fact]
    public void Two_keys_that_fit_are_none_for_a_token_that_names_neither()
    {
        var set = KeySet.Parse(
            Bytes(TokenMint.Set(TokenMint.Jwk(_mint.Rsa, "a", "RS256"), TokenMint.Jwk(_mint.Stranger, "b", "RS256"))),
            Issuer.DefaultAlgorithms,
            out _
        );

        Assert.Null(set!.Find(null, "RS256"));
        Assert.NotNull(set.Find("a", "RS256"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"keys\":{}}")]
    [InlineData("{\"keys\":[]}")]
    [InlineData("{\"keys\":[],\"keys\":[]}")]
    [InlineData("{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"\\ud800\"}]}")]
    public void What_is_no_set_says_so(string text)
    {
        Assert.Null(KeySet.Parse(Encoding.UTF8.GetBytes(text), Issuer.DefaultAlgorithms, out var problem));
        Assert.NotEmpty(problem);
    }

    [Fact]
    public void Reading_whatever_bytes_never_throws() =>
        Gen.Byte.Array[0, 200].Sample(bytes => KeySet.Parse(bytes, Issuer.DefaultAlgorithms, out _), iter: 5_000);

    private static KeySet? Read(JsonObject key) =>
        KeySet.Parse(Bytes(TokenMint.Set((JsonObject)key.DeepClone())), Issuer.DefaultAlgorithms, out _);

    private static byte[] Bytes(JsonObject set) => Encoding.UTF8.GetBytes(set.ToJsonString());
}
