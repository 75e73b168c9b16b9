using Gatehouse.Deployment.Trust;
using Gatehouse.Model;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class CatalogueKeyTests
{
    private static readonly EntityChange s_change = new()
    {
        Kind = EntityKinds.Key,
        Name = "k1",
        Epoch = 7,
        Payload = "{}"u8.ToArray(),
        Digest = Digest.Of("{}"u8),
    };

    [Fact]
    public void A_signed_change_is_good_as_it_is_and_in_no_other_form()
    {
        using var key = CatalogueKey.Create();
        using var again = CatalogueKey.Load(key.ExportKey());
        using var verifier = new CatalogueVerifier(again.PublicHalf.Span);
        using var stranger = CatalogueKey.Create();
        var signed = s_change with { Signature = key.Sign(s_change, "h") };

        Assert.True(verifier.Verify(signed, "h"));
        Assert.False(verifier.Verify(signed, "other"));
        Assert.False(verifier.Verify(signed with { Epoch = 8 }, "h"));
        Assert.False(verifier.Verify(signed with { Deleted = true }, "h"));
        Assert.False(verifier.Verify(signed with { Payload = "[]"u8.ToArray() }, "h"));
        Assert.False(verifier.Verify(signed with { Signature = stranger.Sign(s_change, "h") }, "h"));
        Assert.False(verifier.Verify(signed with { Signature = default }, "h"));
        Assert.False(verifier.Verify(signed with { Signature = new byte[64] }, "h"));
    }

    [Fact]
    public void A_heartbeat_vouches_for_its_head_and_time_alone()
    {
        using var key = CatalogueKey.Create();
        using var verifier = new CatalogueVerifier(key.PublicHalf.Span);
        var head = new CatalogueHead("h", 7, Digest.Of("chain"u8));
        var at = DateTimeOffset.FromUnixTimeMilliseconds(1_790_000_000_123);
        var beat = key.SignHeartbeat(head, at);

        Assert.True(verifier.Verify(beat));
        Assert.False(verifier.Verify(beat with { IssuedAt = at.AddMilliseconds(1) }));
        Assert.False(verifier.Verify(beat with { Head = head with { Epoch = 8 } }));
        Assert.False(verifier.Verify(beat with { Head = head with { History = "i" } }));
        Assert.False(verifier.Verify(beat with { Head = head with { Chain = default } }));
        Assert.False(verifier.Verify(beat with { Signature = key.Sign(s_change, "h") }));
    }
}
