using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>The <c>handlers</c> of an API: who may call, limits, CORS, as properties of Java classes.</summary>
internal sealed class HandlerReader(ElementReader xml)
{
    public string? Auth { get; private set; }

    public string? ClientCertificate { get; private set; }

    public string? AuthorizationHeader { get; private set; }

    public string? ApiKeyHeader { get; private set; }

    public bool PassAuthorization { get; private set; }

    public string? Policy { get; private set; }

    public int? MaxTps { get; private set; }

    public int? SandboxMaxTps { get; private set; }

    public JsonObject? Cors { get; private set; }

    public void Read(XElement? handlers)
    {
        foreach (var handler in handlers?.Elements() ?? [])
        {
            var name = ((string?)handler.Attribute("class") ?? "").Split('.')[^1];
            switch (name)
            {
                case "APIAuthenticationHandler":
                    ReadAuthentication(handler);
                    break;
                case "ThrottleHandler" or "APIThrottleHandler":
                    ReadThrottle(handler);
                    break;
                case "CORSRequestHandler":
                    ReadCors(handler);
                    break;
                case "APIMgtUsageHandler"
                or "APIMgtGoogleAnalyticsTrackingHandler"
                or "APIMgtLatencyStatsHandler"
                or "APIStatusHandler":
                    All(handler, "the gateway counts and measures by itself");
                    break;
                case "APIManagerExtensionHandler":
                    All(handler, "sequences by the API's name are read in any case");
                    break;
                case "SchemaValidator":
                    xml.NeedsYou(
                        handler,
                        "the validate policy checks against the API's OpenAPI document, which these files do not hold: import the project, exported by apictl"
                    );
                    break;
                default:
                    xml.NeedsYou(
                        handler,
                        "a Java class of your own: write it as a policy plug-in in C#, or as a service that the call-out policy asks"
                    );
                    foreach (var property in handler.Elements())
                    {
                        xml.NotNeeded(property, "of that class");
                    }

                    break;
            }
        }
    }

    private void All(XElement handler, string why)
    {
        xml.NotNeeded(handler, why);
        foreach (var property in handler.Elements())
        {
            xml.NotNeeded(property, why);
        }
    }

    private void ReadAuthentication(XElement handler)
    {
        xml.Converted(
            handler,
            "auth",
            "auth type and scopes of each resource are in the database alone: import the API's project, exported by apictl, to have them"
        );
        Auth = "oauth2";
        foreach (var property in Properties(handler))
        {
            var value = (string?)property.Attribute("value") ?? "";
            switch ((string?)property.Attribute("name"))
            {
                case "apiSecurity" when value.Length > 0:
                    (Auth, ClientCertificate) = Security.Of(
                        value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                    );
                    xml.Converted(property, "auth");
                    break;
                case "authorizationHeader" when value.Length > 0:
                    AuthorizationHeader = value;
                    xml.Converted(property, "authorizationHeader");
                    break;
                case "apiKeyHeader" when value.Length > 0:
                    ApiKeyHeader = value;
                    xml.Converted(property, "apiKeyHeader");
                    break;
                case "removeOAuthHeadersFromOutMessage":
                    PassAuthorization = value == "false";
                    xml.Converted(property, "passAuthorization");
                    break;
                case "apiLevelPolicy" when value.Length > 0:
                    Policy = value;
                    xml.Converted(property, "policy");
                    break;
                default:
                    xml.NotNeeded(property, "nothing here depends on it");
                    break;
            }
        }
    }

    private void ReadThrottle(XElement handler)
    {
        xml.Converted(handler, "limits", "plans of subscriptions and applications count over all workers together");
        var values = Properties(handler)
            .ToLookup(p => (string?)p.Attribute("name"), p => (string?)p.Attribute("value"));
        foreach (var property in Properties(handler))
        {
            var value = (string?)property.Attribute("value") ?? "";
            switch ((string?)property.Attribute("name"))
            {
                case "productionMaxCount":
                    MaxTps = Rate(value, values["productionUnitTime"].FirstOrDefault());
                    xml.Converted(property, "maxTps");
                    break;
                case "sandboxMaxCount":
                    SandboxMaxTps = Rate(value, values["sandboxUnitTime"].FirstOrDefault());
                    xml.Converted(property, "sandboxMaxTps");
                    break;
                case "productionUnitTime" or "sandboxUnitTime":
                    xml.Converted(property, "maxTps");
                    break;
                case "apiLevelPolicy" when value.Length > 0:
                    Policy = value;
                    xml.Converted(property, "policy");
                    break;
                default:
                    xml.NotNeeded(
                        property,
                        "where a policy lay in the registry: plans and limits are read from tiers and projects"
                    );
                    break;
            }
        }
    }

    private static int? Rate(string count, string? unitTime)
    {
        if (!double.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var n) || n < 1)
        {
            return null;
        }

        var milliseconds =
            double.TryParse(unitTime, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) && ms > 0
                ? ms
                : 1000;
        return (int)Math.Clamp(Math.Ceiling(n * 1000 / milliseconds), 1, 1_000_000);
    }

    private void ReadCors(XElement handler)
    {
        xml.Converted(handler, "cors");
        var origins = "*";
        var cors = new JsonObject();
        foreach (var property in Properties(handler))
        {
            var value = (string?)property.Attribute("value") ?? "";
            switch ((string?)property.Attribute("name"))
            {
                case "allowedOrigins":
                    origins = value;
                    Origins(property, value, cors);
                    break;
                case "allowHeaders" when value.Length > 0:
                    cors["allowHeaders"] = CorsText.List(value);
                    xml.Converted(property, "cors.allowHeaders");
                    break;
                case "allowedMethods" when value.Length > 0:
                    cors["allowMethods"] = CorsText.List(value);
                    xml.Converted(property, "cors.allowMethods");
                    break;
                case "allowCredentials" or "allowCredentialsConfigured" when value == "true":
                    if (origins == "*")
                    {
                        xml.Dangerous(
                            property,
                            "every page on the web could act with its visitor's credentials; left out: name the origins first"
                        );
                    }
                    else
                    {
                        cors["allowCredentials"] = true;
                        xml.Converted(property, "cors.allowCredentials");
                    }

                    break;
                default:
                    xml.NotNeeded(property, "nothing here depends on it");
                    break;
            }
        }

        Cors = cors;
    }

    private void Origins(XElement property, string value, JsonObject cors)
    {
        cors["allowOrigins"] = CorsText.Origins(value, out var odd);
        if (odd is not null)
        {
            xml.Dangerous(
                property,
                $"'{odd}' was compiled to an expression without ends, so that other sites matched it too; here only sub-domains do: check what is meant",
                "cors.allowOrigins"
            );
        }
        else
        {
            xml.Converted(property, "cors.allowOrigins");
        }
    }

    private static IEnumerable<XElement> Properties(XElement handler) =>
        handler.Elements().Where(e => e.Name.LocalName == "property");
}
