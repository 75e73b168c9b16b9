using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management;

/// <summary>Rows that an older build wrote lack what was added since, and must mean what they meant.</summary>
public sealed class OlderRowTests
{
    [Fact]
    public void An_API_without_the_members_of_this_build_has_their_defaults()
    {
        var api = Without(
            new Api
            {
                Name = "a",
                Version = "1",
                Context = "/a",
                Revision = 1,
                Operations = [],
                Production = new() { Endpoints = [] },
            },
            ModelJson.Default.Api,
            "authorizationHeader",
            "audiences",
            "issuers",
            "passAuthorization"
        );

        Assert.Equal("Authorization", api.AuthorizationHeader);
        Assert.Empty(api.Audiences);
        Assert.Empty(api.Issuers);
    }

    [Fact]
    public void A_definition_without_access_settings_has_their_defaults()
    {
        var definition = Without(
            new ApiDefinition
            {
                Name = "a",
                Version = "1",
                Context = "/a",
                Operations = [],
                Endpoints = [],
            },
            DefinitionJson.Default.ApiDefinition,
            "access"
        );

        Assert.Equal("apikey", definition.Access.ApiKeyHeader);
    }

    [Fact]
    public void A_key_and_an_operation_without_what_was_added_have_the_defaults()
    {
        var key = Without(
            new ApiKey
            {
                Id = "k",
                Application = "a",
                Hash = default,
                LastFour = "abcd",
                CreatedAt = default,
            },
            ModelJson.Default.ApiKey,
            "type",
            "addresses",
            "referers",
            "scopes",
            "user"
        );
        var operation = Without(
            new Operation { Method = "GET", Path = "/" },
            ModelJson.Default.Operation,
            "scopes",
            "authType"
        );

        Assert.Equal(KeyType.ApiKey, key.Type);
        Assert.Empty(key.Addresses);
        Assert.Empty(key.Referers);
        Assert.Empty(key.Scopes);
        Assert.Empty(operation.Scopes);
    }

    [Fact]
    public void A_plan_and_policies_with_nothing_but_a_name_have_the_defaults()
    {
        var plan = Read("""{"name":"Old"}""", ModelJson.Default.Plan);
        var application = Read("""{"name":"Old"}""", ModelJson.Default.ApplicationPolicy);
        var api = Read("""{"name":"Old","groups":[{"conditions":[]}]}""", ModelJson.Default.ApiPolicy);

        Assert.Equal(("", true, "free"), (plan.Description, plan.StopOnQuotaReach, plan.Billing));
        Assert.Equal(("", true), (application.Description, application.PerUser));
        Assert.Equal("", api.Description);
        Assert.Equal("", Assert.Single(api.Groups).Description);
        Assert.Empty(Read("""{"name":"Old"}""", ModelJson.Default.ApiPolicy).Groups);
    }

    [Fact]
    public void A_listing_without_a_team_is_every_publishers()
    {
        var listing = Read("""{"title":"x"}""", ManagerJson.Default.ApiListing);

        Assert.Null(listing.Team);
        Assert.Empty(listing.Members);
    }

    private static T Read<T>(string json, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(json), type)!;

    private static T Without<T>(T value, JsonTypeInfo<T> type, params string[] members)
    {
        var json = JsonNode.Parse(JsonSerializer.SerializeToUtf8Bytes(value, type))!.AsObject();
        Assert.All(members, m => Assert.True(json.Remove(m), m));
        return JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(json.ToJsonString()), type)!;
    }
}
