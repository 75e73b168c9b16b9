namespace Gatehouse.Tests.Cluster;

public sealed class FormationTests
{
    [Fact]
    public async Task Three_members_started_together_form_one_cluster_and_see_each_other()
    {
        using var authority = new TestAuthority();
        var port = TestMember.FreePort();
        (string, int)[] wellKnown = [("127.0.0.1", port), ("127.0.0.2", port)];
        await using var a = TestMember.Start(TestMember.Settings("a", "127.0.0.1", port, wellKnown), authority.TrustOf("a"));
        await using var b = TestMember.Start(TestMember.Settings("b", "127.0.0.2", port, wellKnown), authority.TrustOf("b"));
        await using var c = TestMember.Start(TestMember.Settings("c", "127.0.0.3", port, wellKnown), authority.TrustOf("c"));

        var views = await Task.WhenAll(a.SeesUpAsync(3), b.SeesUpAsync(3), c.SeesUpAsync(3));

        TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n', a.Lines.Concat(b.Lines).Concat(c.Lines)));
        Assert.Single(views.Select(v => v.ClusterId).Distinct());
    }
}
