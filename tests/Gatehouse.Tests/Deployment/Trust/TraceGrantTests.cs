using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class TraceGrantTests : IDisposable
{
    private static readonly DateTimeOffset s_end = DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_123);

    private readonly CatalogueKey _key = CatalogueKey.Create();
    private readonly CatalogueVerifier _verifier;

    public TraceGrantTests() => _verifier = new(_key.PublicHalf.Span);

    [Theory]
    [InlineData("ann")]
    [InlineData("a.very-long.name_of+somebody@an.organisation.example.org.0123456")]
    public void What_a_manager_issued_every_node_knows_and_when_it_ends(string user) =>
        Assert.Equal(s_end, TraceGrant.EndOf(TraceGrant.Issue(_key, user, s_end), _verifier));

    [Fact]
    public void A_grant_of_another_cluster_is_none()
    {
        using var other = CatalogueKey.Create();

        Assert.Null(TraceGrant.EndOf(TraceGrant.Issue(other, "ann", s_end), _verifier));
    }

    [Fact]
    public void A_grant_with_any_character_changed_is_none()
    {
        var grant = TraceGrant.Issue(_key, "ann", s_end);
        for (var at = 0; at < grant.Length - 1; at++)
        {
            var changed = grant[..at] + (grant[at] == 'A' ? 'B' : 'A') + grant[(at + 1)..];
            Assert.Null(TraceGrant.EndOf(changed, _verifier));
        }
    }

    [Fact]
    public void What_the_same_key_signed_for_other_ends_is_none()
    {
        var beat = _key.SignHeartbeat(new CatalogueHead("h", 7, default), s_end);
        var signed = CatalogueKey.HeartbeatBytes(beat.Head, beat.IssuedAt);
        var text = "ghx1_" + System.Buffers.Text.Base64Url.EncodeToString([.. signed[4..], .. beat.Signature.Span]);

        Assert.True(_verifier.Verify(beat));
        Assert.Null(TraceGrant.EndOf(text, _verifier));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ghx1_")]
    [InlineData("ghx1_AAAA")]
    [InlineData("ghx1_not base64")]
    [InlineData("ghj1_AAAA")]
    public void Anything_else_is_none(string text) => Assert.Null(TraceGrant.EndOf(text, _verifier));

    [Fact]
    public void A_grant_that_is_too_long_is_none() =>
        Assert.Null(TraceGrant.EndOf("ghx1_" + new string('A', 10_000), _verifier));

    public void Dispose()
    {
        _key.Dispose();
        _verifier.Dispose();
    }
}
