using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary><c>api-manager.xml</c> of 1.x and 2.x.</summary>
internal static class ApiManagerXml
{
    private const string Nodes = "nodes tell the managers where they are; nothing has to be listed";

    public static IReadOnlyDictionary<string, Verdict> Verdicts { get; } =
        new Dictionary<string, Verdict>
        {
            ["APIManager/DataSourceName"] = Verdict.NotNeeded("master-datasources.xml says which database it is"),
            ["APIManager/GatewayType"] = Verdict.NotNeeded("there is one gateway"),
            ["APIManager/EnableSecureVault"] = Verdict.NotNeeded("secrets are wrapped by the cluster key"),
            ["APIManager/AuthManager"] = Verdict.NotNeeded("managers hold users and sessions themselves"),
            ["APIManager/APIGateway"] = Verdict.NotNeeded(Nodes),
            ["APIManager/APIGateway/Environments"] = Verdict.NotNeeded(Nodes),
            ["APIManager/CacheConfigurations"] = Verdict.NotNeeded(
                "tokens are kept until they end or are revoked, and revoking reaches every worker within a second"
            ),
            ["APIManager/Analytics"] = Verdict.NotNeeded(
                "metrics are at listen.health, /metrics; usage is counted by the managers"
            ),
            ["APIManager/APIKeyValidator"] = Verdict.NotNeeded("workers validate keys and tokens themselves"),
            ["APIManager/OAuthConfigurations"] = Verdict.NotNeeded("headers of tokens are said by each API"),
            ["APIManager/TierManagement"] = Verdict.NotNeeded("plans: gatehouse plan list"),
            ["APIManager/APIStore"] = Verdict.NotNeeded("of the old portal"),
            ["APIManager/APIPublisher"] = Verdict.NotNeeded("of the old publisher"),
            ["APIManager/StatusObserver"] = Verdict.NeedsYou(
                "a Java class that was told of changes: the audit trail has them, gatehouse audit"
            ),
            ["APIManager/CORSConfiguration"] = Verdict.NeedsYou(
                "CORS is said by each API: add the cors policy to those that pages call; APIs that are imported have theirs"
            ),
            ["APIManager/RESTAPI"] = Verdict.NotNeeded("REST is at /api/v1 with an OpenAPI document"),
            ["APIManager/ThrottlingConfigurations"] = Verdict.NotNeeded(
                "limits are counted by the workers themselves, over all of them together"
            ),
            ["APIManager/WorkflowConfigurations"] = Verdict.NeedsYou(
                "steps that somebody approves: see the plans that ask for approval"
            ),
            ["APIManager/SwaggerCodegen"] = Verdict.NotNeeded("of the old portal"),
            ["APIManager/ScopeExpression"] = Verdict.NotNeeded("of the old server's inside"),
            ["APIManager/LoadAPIContextsInServerStartup"] = Verdict.NotNeeded("all APIs are there from the start"),
            ["APIManager/ExternalAPIStores"] = Verdict.NeedsYou("APIs are not published to other portals"),
            ["APIManager/JWTConfiguration"] = Verdict.NotNeeded("of the JWT for backends"),
        };

    public static void Read(ElementReader xml, HomeDraft home)
    {
        foreach (var endpoint in xml.Root.Descendants().Where(e => e.Name.LocalName == "GatewayEndpoint"))
        {
            ReadEndpoint(xml, home, endpoint);
        }

        // Before 2.x the switch stood in APIConsumerAuthentication, by two names.
        var backend = xml
            .Root.Descendants()
            .FirstOrDefault(e => e.Name.LocalName is "EnableJWTGeneration" or "EnableTokenGeneration");
        if (backend is not null && ElementReader.TextOf(backend) == "true")
        {
            xml.NeedsYou(
                backend,
                "backends were told of the caller in a signed JWT (X-JWT-Assertion): add the backend-jwt policy to the APIs whose backends read it"
            );
        }

        foreach (
            var password in xml
                .Root.Descendants()
                .Where(e =>
                    e.Name.LocalName == "Password" && ElementReader.TextOf(e).StartsWith("${", StringComparison.Ordinal)
                )
        )
        {
            xml.NotNeeded(password, "stands for a password elsewhere");
        }

        xml.Finish();
    }

    // "http://host:port,https://host:port"; with ${…} it is the node itself.
    private static void ReadEndpoint(ElementReader xml, HomeDraft home, XElement endpoint)
    {
        var text = ElementReader.TextOf(endpoint);
        var taken = false;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (
                !part.Contains("${", StringComparison.Ordinal)
                && Uri.TryCreate(part, UriKind.Absolute, out var url)
                && url.Scheme is "http" or "https"
            )
            {
                home.Set(
                    $"publicUrls.gateway.{part.Split(':')[0].ToLowerInvariant()}",
                    part.TrimEnd('/'),
                    xml.At(endpoint)
                );
                taken = true;
            }
        }

        if (taken)
        {
            xml.Converted(endpoint, "publicUrls.gateway");
        }
        else
        {
            xml.NotNeeded(endpoint, Nodes);
        }
    }
}
