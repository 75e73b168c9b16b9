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

    [Theory]
    [InlineData("crv", "\"Ed448\"")]
    [InlineData("crv", "\"X25519\"")]
    [InlineData("alg", "\"ES256\"")]
    [InlineData("alg", "\"RS256\"")]
    [InlineData("alg", "\"HS256\"")]
    [InlineData("kty", "\"EC\"")]
    [InlineData("d", "\"AQAB\"")]
    [InlineData("use", "\"enc\"")]
    [InlineData("x", "\"AQAB\"")]
    public void An_Edwards_key_that_must_not_check_signatures_is_passed_over(string member, string value)
    {
        var key = TokenMint.Jwk(_mint.Edwards, "d1", "EdDSA");
        Assert.NotNull(Read(key));

        key[member] = JsonNode.Parse(value);

        Assert.Null(Read(key));
    }

    // The eight points of order 1, 2, 4 and 8 (RFC 7748 §6.1's list, as Edwards points), under which a signature says nothing.
    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    public void A_point_of_small_order_is_no_key(string point)
    {
        var key = TokenMint.Jwk(_mint.Edwards, "d1", "EdDSA");
        key["x"] = TokenMint.Encode(Convert.FromHexString(point));

        Assert.Null(Read(key));
    }

    // RFC 8032 §7.1, test 2, and every signature that differs from it in one bit.
    [Fact]
    public void The_RFCs_Edwards_signature_holds_and_no_other()
    {
        var key = new VerificationKey(
            "d1",
            SignatureAlgorithm.Find("EdDSA")!,
            Convert.FromHexString("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        );
        var signature = Convert.FromHexString(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );

        Assert.True(key.Verifies([0x72], signature));
        Assert.False(key.Verifies([0x73], signature));
        Assert.False(key.Verifies([0x72], signature.AsSpan(0, 63)));
        for (var bit = 0; bit < signature.Length * 8; bit += 5)
        {
            signature[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(key.Verifies([0x72], signature), $"bit {bit}");
            signature[bit / 8] ^= (byte)(1 << (bit % 8));
        }
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
