using CsCheck;
using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class JoinTokenTests
{
    private static readonly JoinToken s_token = new()
    {
        Addresses = ["127.0.0.1:7443", "manager.example.com:7543", "[::1]:7443"],
        Pin = Digest.Of("authority"u8),
        Id = "t1",
        Secret = JoinToken.NewSecret(),
        Profile = Profile.GatewayWorker,
        Node = "worker-1",
    };

    [Fact]
    public void A_token_reads_back_even_when_a_terminal_wrapped_it()
    {
        var text = s_token.Encode();
        var wrapped = "  " + string.Join("\r\n ", text.Chunk(40).Select(c => new string(c))) + "\n";

        var read = JoinToken.Decode(wrapped);

        Assert.StartsWith("ghj1_", text, StringComparison.Ordinal);
        Assert.Equal(s_token.Addresses, read.Addresses);
        Assert.Equal(s_token.Secret.ToArray(), read.Secret.ToArray());
        Assert.Equal(
            (s_token.Pin, "t1", Profile.GatewayWorker, "worker-1"),
            (read.Pin, read.Id, read.Profile, read.Node)
        );
    }

    [Fact]
    public void A_cut_a_foreign_and_a_newer_token_are_each_called_what_they_are()
    {
        var text = s_token.Encode();

        Assert.Contains("damaged or cut", Problem(text[..^1]), StringComparison.Ordinal);
        Assert.Contains("damaged or cut", Problem(text[..80]), StringComparison.Ordinal);
        Assert.Contains("damaged or cut", Problem("ghj1_"), StringComparison.Ordinal);
        Assert.Contains("begins with 'ghj1_'", Problem(text[1..]), StringComparison.Ordinal);
        Assert.Contains("begins with 'ghj1_'", Problem(""), StringComparison.Ordinal);
        Assert.Contains(
            "version 2; this build reads version 1",
            Problem("ghj2_" + text[5..]),
            StringComparison.Ordinal
        );
        Assert.Contains("at most 8192", Problem(new string('a', 9000)), StringComparison.Ordinal);
        Assert.Contains("missing", Problem(null), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_changed_character_is_noticed()
    {
        var text = s_token.Encode();
        const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        Gen.Select(Gen.Int[5, text.Length - 2], Gen.Char[Letters])
            .Where((at, letter) => text[at] != letter)
            .Sample(
                (at, letter) =>
                    Assert.Throws<FormatException>(() => JoinToken.Decode($"{text[..at]}{letter}{text[(at + 1)..]}"))
            );
    }

    [Fact]
    public void Noise_fails_with_the_one_documented_error_which_repeats_none_of_it()
    {
        Gen.OneOf(
                Gen.String,
                Gen.String.Select(s => "ghj1_" + s),
                Gen.Byte.Array.Select(b => "ghj1_" + System.Buffers.Text.Base64Url.EncodeToString(b)),
                // Whole, with its checksum, but saying anything: what a hostile or newer manager could write.
                Gen.Byte.Array.Select(b => SecretText.Encode("ghj1_", b)),
                Json.Select(j => SecretText.Encode("ghj1_", System.Text.Encoding.UTF8.GetBytes(j)))
            )
            .Sample(
                text =>
                {
                    // A near miss may hit; whatever else happens is the documented error.
                    if (Record.Exception(() => JoinToken.Decode(text)) is { } refused)
                    {
                        Assert.IsType<FormatException>(refused);
                        Assert.True(
                            text.Length < 24 || !refused.Message.Contains(text[..24], StringComparison.Ordinal)
                        );
                    }
                },
                iter: 20_000
            );
    }

    private static readonly string[] s_misfits =
    [
        "null",
        "1",
        "\"\"",
        "[]",
        "{}",
        "[1]",
        "[\"x\"]",
        "\"\\ud800\"",
        "true",
        "[null]",
        "[\"h:0\"]",
        "\"////\"",
    ];

    // Near misses: every member right, but for one that is absent, null, of another type or out of bounds.
    private static readonly Gen<string> Json = Gen.Select(
        Gen.Int[0, 5],
        Gen.Int[0, s_misfits.Length - 1],
        (at, misfit) =>
        {
            string[] members =
            [
                "\"addresses\":[\"h:1\"]",
                $"\"pin\":\"{Convert.ToBase64String(new byte[32])}\"",
                "\"id\":\"t1\"",
                $"\"secret\":\"{Convert.ToBase64String(new byte[32])}\"",
                "\"profile\":\"gateway-worker\"",
                "\"node\":\"worker-1\"",
            ];
            members[at] = members[at][..(members[at].IndexOf(':', StringComparison.Ordinal) + 1)] + s_misfits[misfit];
            return "{" + string.Join(',', members) + "}";
        }
    );

    private static string Problem(string? text) => Assert.Throws<FormatException>(() => JoinToken.Decode(text)).Message;
}
