using Gatehouse.Cluster;

namespace Gatehouse.Tests.Cluster;

[Collection(MembershipCollection.Name)]
public sealed class WellKnownMembersTests
{
    [Fact]
    public void A_range_over_the_last_octet_becomes_its_addresses()
    {
        var (addresses, problems) = Expand("192.168.1.2-10");

        Assert.Empty(problems);
        Assert.Equal(Enumerable.Range(2, 9).Select(n => new MemberAddress($"192.168.1.{n}", 4000)), addresses);
    }

    [Theory]
    [InlineData("10.0.0.0-255", 256)]
    [InlineData("10.0.0.7-7", 1)]
    [InlineData("10.0.0.7", 1)]
    [InlineData("worker-1.example.org", 1)]
    [InlineData("Manager-A", 1)]
    [InlineData("::1", 1)]
    [InlineData("[fe80::1]", 1)]
    public void Addresses_ranges_and_names_with_dashes_are_read(string pattern, int count)
    {
        var (addresses, problems) = Expand(pattern);

        Assert.Empty(problems);
        Assert.Equal(count, addresses.Length);
    }

    [Theory]
    [InlineData("192.168.1-3.4")]
    [InlineData("10-20.0.0.1")]
    [InlineData("192.168.1.2-192.168.1.10")]
    [InlineData("192.168.1.2-300")]
    [InlineData("192.168.1.10-2")]
    [InlineData("192.168.1.*")]
    [InlineData("192.168.1.0/24")]
    [InlineData("192.168.1.-3")]
    [InlineData("192.168.1.2-3-4")]
    [InlineData("192.168.1.1-")]
    [InlineData("1-5")]
    [InlineData("999.1.1.1-5")]
    [InlineData("under the bridge")]
    [InlineData("http://manager")]
    [InlineData("")]
    public void Anything_else_is_refused_with_its_place_and_the_fix(string pattern)
    {
        var (addresses, problems) = WellKnownMembers.Expand([new WellKnownMember(pattern, 4000, "gatehouse.yaml", 17)]);

        Assert.Empty(addresses);
        var problem = Assert.Single(problems);
        Assert.StartsWith("gatehouse.yaml:17:1: ", problem.ToString(), StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(problem.Fix));
    }

    [Fact]
    public void Every_problem_of_a_list_is_reported_and_the_rest_is_read()
    {
        var (addresses, problems) = WellKnownMembers.Expand([
            new("10.0.0.1", 4000),
            new("10.0.1-2.1", 4000),
            new("10.0.0.2", 70000),
            new("10.0.0.1", 4000),
            new("10.0.0.1", 4001),
        ]);

        Assert.Equal(2, problems.Length);
        Assert.Equal([new("10.0.0.1", 4000), new("10.0.0.1", 4001)], addresses);
    }

    [Fact]
    public void A_list_that_is_a_scan_is_refused()
    {
        var (_, problems) = WellKnownMembers.Expand(
            Enumerable.Range(0, 5).Select(n => new WellKnownMember($"10.0.{n}.0-255", 4000))
        );

        Assert.Contains("1280 addresses", Assert.Single(problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_well_known_member_is_warned_about_and_does_not_forbid_a_start()
    {
        var (errors, warnings) = MembershipSettingsValidator.Validate(
            TestMember.Settings("a", "10.0.0.1", 4000, ("10.0.0.1", 4000))
        );

        Assert.Empty(errors);
        Assert.Contains("only one well-known member", Assert.Single(warnings).Message, StringComparison.Ordinal);
        Assert.Empty(
            MembershipSettingsValidator
                .Validate(TestMember.Settings("a", "10.0.0.1", 4000, ("10.0.0.1-2", 4000)))
                .Warnings
        );
    }

    [Fact]
    public void A_loopback_address_with_well_known_members_elsewhere_is_warned_about()
    {
        var (_, warnings) = MembershipSettingsValidator.Validate(
            TestMember.Settings("a", "127.0.0.1", 4000, ("10.0.0.1-2", 4000))
        );

        Assert.Contains("from this machine only", Assert.Single(warnings).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("multicast")]
    [InlineData("aws")]
    [InlineData("kubernetes")]
    [InlineData("wkaa")]
    public void A_scheme_that_is_not_supported_is_refused_with_the_fix(string scheme)
    {
        var (read, problem) = MembershipSettingsValidator.ReadScheme(scheme, "axis2.xml", 3);

        Assert.Null(read);
        Assert.StartsWith("axis2.xml:3:1: ", problem!.ToString(), StringComparison.Ordinal);
        Assert.Contains("set", problem.Fix, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_cannot_work_are_all_reported()
    {
        var settings = TestMember.Settings("a", "0.0.0.0", 70000, ("10.0.0.1", 1)) with
        {
            Domain = " ",
            BindHost = "eth0",
            Properties = TestMember.Settings("a", "b", 1).Properties.Add("big", new string('x', 20_000)),
        };

        var (errors, _) = MembershipSettingsValidator.Validate(settings);

        Assert.Equal(5, errors.Length);
        Assert.All(errors, e => Assert.NotNull(e.Fix));
    }

    private static (MemberAddress[] Addresses, Gatehouse.Model.Problem[] Problems) Expand(string pattern)
    {
        var (addresses, problems) = WellKnownMembers.Expand([new WellKnownMember(pattern, 4000)]);
        return ([.. addresses], [.. problems]);
    }
}
