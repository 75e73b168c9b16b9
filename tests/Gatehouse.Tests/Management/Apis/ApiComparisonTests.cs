using System.Text.Json;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.Apis;

/// <summary>What a revision's difference says: all that changes for callers and backends, and no secret.</summary>
public sealed class ApiComparisonTests
{
    private const string Secret = "hunter2hunter2";

    private static readonly PolicyUse s_policy = new()
    {
        Name = "headers",
        Settings = JsonSerializer.SerializeToElement(new { request = new { set = new { key = Secret } } }),
    };

    private static readonly ApiDefinition s_before = new()
    {
        Name = "petstore",
        Version = "1.0.0",
        Context = "/petstore",
        Endpoints = ["http://a"],
        Operations = [new() { Method = "GET", Path = "/pets" }],
    };

    private static readonly EndpointCredential s_credential = new()
    {
        Type = "basic",
        User = "gate",
        Secret = Secret,
    };

    // One change of every member that says something to callers or about backends.
    private static readonly Dictionary<string, ApiDefinition> s_changes = new()
    {
        [nameof(ApiDefinition.Context)] = s_before with { Context = "/other" },
        [nameof(ApiDefinition.Description)] = s_before with { Description = "Pets" },
        [nameof(ApiDefinition.Security)] = s_before with { Security = ["oauth2"] },
        [nameof(ApiDefinition.Access)] = s_before with { Access = new() { Issuers = ["corp"] } },
        [nameof(ApiDefinition.Endpoints)] = s_before with { Endpoints = ["http://b"] },
        [nameof(ApiDefinition.Spread)] = s_before with
        {
            Spread = new() { Endpoints = [], Sticky = true },
        },
        [nameof(ApiDefinition.Credential)] = s_before with { Credential = s_credential },
        [nameof(ApiDefinition.SandboxCredential)] = s_before with { SandboxCredential = s_credential },
        [nameof(ApiDefinition.BackendAuthorities)] = s_before with { BackendAuthorities = "PEM" },
        [nameof(ApiDefinition.SandboxEndpoints)] = s_before with { SandboxEndpoints = ["http://s"] },
        [nameof(ApiDefinition.SandboxSpread)] = s_before with { SandboxSpread = new() { Endpoints = [] } },
        [nameof(ApiDefinition.Operations)] = s_before with { Operations = [] },
        [nameof(ApiDefinition.Scopes)] = s_before with { Scopes = [new() { Name = "pets:read" }] },
        [nameof(ApiDefinition.ConnectTimeout)] = s_before with { ConnectTimeout = TimeSpan.FromSeconds(1) },
        [nameof(ApiDefinition.ResponseTimeout)] = s_before with { ResponseTimeout = TimeSpan.FromSeconds(1) },
        [nameof(ApiDefinition.IsDefaultVersion)] = s_before with { IsDefaultVersion = true },
        [nameof(ApiDefinition.AllowEncodedSlash)] = s_before with { AllowEncodedSlash = true },
        [nameof(ApiDefinition.AllowSemicolon)] = s_before with { AllowSemicolon = true },
        [nameof(ApiDefinition.Policies)] = s_before with { Policies = [s_policy] },
        [nameof(ApiDefinition.Policy)] = s_before with { Policy = "10KPerMin" },
        [nameof(ApiDefinition.MaxTps)] = s_before with { MaxTps = 5 },
        [nameof(ApiDefinition.SandboxMaxTps)] = s_before with { SandboxMaxTps = 5 },
    };

    public static TheoryData<string> Members => [.. s_changes.Keys];

    [Fact]
    public void Every_member_is_compared_but_names_and_what_the_document_itself_shows() =>
        Assert.Equal(
            ["Contract", "Document", "Id", "Name", "Specification", "Version"],
            typeof(ApiDefinition)
                .GetProperties()
                .Select(p => p.Name)
                .Except(s_changes.Keys)
                .Order(StringComparer.Ordinal)
        );

    [Theory]
    [MemberData(nameof(Members))]
    public void A_change_is_told_both_ways_without_its_secrets(string member)
    {
        var there = Assert.Single(ApiComparison.Compare(s_before, s_changes[member]));
        var back = Assert.Single(ApiComparison.Compare(s_changes[member], s_before));

        Assert.Equal((there.What, there.Before, there.After), (back.What, back.After, back.Before));
        Assert.DoesNotContain(Secret, $"{there}", StringComparison.Ordinal);
        Assert.Empty(ApiComparison.Compare(s_changes[member], s_changes[member]));
    }

    [Fact]
    public void An_operation_that_takes_fewer_callers_than_before_breaks_some()
    {
        Assert.True(Breaks(o => o with { Scopes = ["pets"] }));
        Assert.False(Breaks(o => o with { Open = true }));
        Assert.True(Breaks(o => o with { AuthType = AuthType.ApplicationUser }));
        Assert.False(Breaks(o => o with { Policy = "10KPerMin" }));
        Assert.False(Breaks(o => o with { Policies = [s_policy] }));
        Assert.True(Breaks(o => o with { Scopes = ["b"] }, from: o => o with { Scopes = ["a", "b"] }));
        Assert.False(Breaks(o => o with { Scopes = ["a", "b"] }, from: o => o with { Scopes = ["a"] }));

        static bool Breaks(Func<Operation, Operation> to, Func<Operation, Operation>? from = null)
        {
            var operation = s_before.Operations[0];
            var before = s_before with { Operations = [from?.Invoke(operation) ?? operation] };
            return Assert
                .Single(ApiComparison.Compare(before, s_before with { Operations = [to(operation)] }))
                .IsBreaking;
        }
    }
}
