namespace Gatehouse.Model;

/// <summary>The parts of management, which profiles share out among them.</summary>
[Flags]
public enum ManagementPart
{
    /// <summary>None: no manager.</summary>
    None = 0,

    /// <summary>Nodes, join tokens, members, audit; the console <c>/admin</c>.</summary>
    Operations = 1,

    /// <summary>APIs as publishers edit them; <c>/publisher</c>.</summary>
    Publishing = 2,

    /// <summary>Applications, subscriptions, keys; <c>/devportal</c>.</summary>
    Development = 4,

    /// <summary>Issuers, revocations, OAuth2.</summary>
    KeyManagement = 8,

    /// <summary>Plans, policies, blocks.</summary>
    Limits = 16,

    /// <summary>Users and their roles.</summary>
    Accounts = 32,

    /// <summary>All of <c>/api/v1</c>, whichever part it is about; no page of it.</summary>
    Rest = 64,

    /// <summary>All of them.</summary>
    All = Operations | Publishing | Development | KeyManagement | Limits | Accounts,
}

/// <summary>
/// Which profile runs which part, and to which parts a path belongs. A manager answers what it does not run like an unknown
/// path; a balancer asks one that runs it.
/// </summary>
public static class ManagementParts
{
    private const string Rest = "/api/v1/";

    // For people and programs on every manager: signing in, the own account, how the cluster stands, the API's own document.
    private const ManagementPart Any = ManagementPart.All;

    // The first row that fits: first segments of /api/v1, what follows the id (null for anything), readers alone, and whose it is.
    private static readonly (string[] First, string[]? Below, bool ReadOnly, ManagementPart Parts)[] s_rest =
    [
        (["login", "logout", "whoami", "me", "sessions", "sign-in", "set-up", "links"], null, false, Any),
        (["status", "events", "openapi.json", "roles", "usage", "gateway-keys", "hosts"], null, false, Any),
        (["sign-up"], null, false, ManagementPart.Development | ManagementPart.Accounts),
        (
            ["environments"],
            null,
            true,
            ManagementPart.Operations | ManagementPart.Publishing | ManagementPart.Development
        ),
        (["environments"], null, false, ManagementPart.Operations),
        (
            ["nodes", "certificates", "authority", "members", "join-tokens", "audit", "trace-grants"],
            null,
            false,
            ManagementPart.Operations
        ),
        (["alerts", "alert-rules", "mail-settings"], null, false, ManagementPart.Operations),
        (
            ["tasks", "approval-settings"],
            null,
            false,
            ManagementPart.Operations | ManagementPart.Publishing | ManagementPart.Accounts
        ),
        (["apis"], ["comments", "rating"], false, ManagementPart.Publishing | ManagementPart.Development),
        (
            ["apis"],
            ["deployments", "environments", "rollback"],
            false,
            ManagementPart.Publishing | ManagementPart.Operations
        ),
        (
            ["apis"],
            ["source", "revisions", "diff", "policies", "operations", "scopes", "lifecycle"],
            false,
            ManagementPart.Publishing
        ),
        (
            ["apis", "categories", "tags"],
            null,
            true,
            ManagementPart.Publishing | ManagementPart.Development | ManagementPart.Operations
        ),
        (["apis", "categories", "tags"], null, false, ManagementPart.Publishing),
        (["applications", "subscriptions", "keys", "takeovers"], null, false, ManagementPart.Development),
        (["issuers", "revocations", "key-manager"], null, false, ManagementPart.KeyManagement),
        (["plans"], null, true, ManagementPart.Limits | ManagementPart.Publishing | ManagementPart.Development),
        (["application-policies"], null, true, ManagementPart.Limits | ManagementPart.Development),
        (["api-policies"], null, true, ManagementPart.Limits | ManagementPart.Publishing),
        (
            ["plans", "application-policies", "api-policies", "custom-rules", "blocks"],
            null,
            false,
            ManagementPart.Limits
        ),
        (["users", "account-settings"], null, false, ManagementPart.Accounts),
    ];

    private static readonly (string First, ManagementPart Parts)[] s_pages =
    [
        ("/admin", ManagementPart.Operations),
        ("/carbon", ManagementPart.Operations),
        ("/publisher", ManagementPart.Publishing),
        ("/devportal", ManagementPart.Development),
        ("/store", ManagementPart.Development),
        ("/oauth2", ManagementPart.KeyManagement),
        ("/token", ManagementPart.KeyManagement),
        ("/authorize", ManagementPart.KeyManagement),
        ("/revoke", ManagementPart.KeyManagement),
        ("/userinfo", ManagementPart.KeyManagement),
        ("/device", ManagementPart.KeyManagement),
        ("/.well-known", ManagementPart.KeyManagement),
    ];

    /// <summary>What a node of <paramref name="profile"/> runs of management.</summary>
    public static ManagementPart Of(Profile profile) =>
        profile switch
        {
            Profile.AllInOne or Profile.ControlPlane => ManagementPart.All,
            // Who runs an old home has no other manager: what the command line does has to go there.
            Profile.GatewayManager => ManagementPart.Operations | ManagementPart.Rest,
            Profile.ApiPublisher => ManagementPart.Publishing,
            Profile.ApiDevportal => ManagementPart.Development,
            Profile.ApiKeyManager => ManagementPart.KeyManagement,
            Profile.TrafficManager => ManagementPart.Limits,
            _ => ManagementPart.None,
        };

    /// <summary>What <paramref name="node"/> runs: its profile's parts, or all of them where an older build let it in.</summary>
    public static ManagementPart Of(Node node) =>
        node is { Profile: Profile.GatewayManager, KeepsToProfile: not true } ? ManagementPart.All : Of(node.Profile);

    /// <summary>
    /// The parts that <paramref name="path"/> belongs to. A path of no part (static files, an unknown one) is every manager's
    /// business; a REST path that no row names is only for those that run everything.
    /// </summary>
    public static ManagementPart Of(string method, ReadOnlySpan<char> path)
    {
        if (!path.StartsWith(Rest, StringComparison.OrdinalIgnoreCase))
        {
            foreach (var (first, parts) in s_pages)
            {
                if (
                    path.StartsWith(first, StringComparison.OrdinalIgnoreCase)
                    && (path.Length == first.Length || path[first.Length] == '/')
                )
                {
                    return parts;
                }
            }

            return Any;
        }

        Span<Range> segments = stackalloc Range[4];
        var below = path[Rest.Length..];
        var count = below.Split(segments, '/');
        var reads = method is "GET" or "HEAD";
        foreach (var row in s_rest)
        {
            if (
                Contains(row.First, below[segments[0]])
                && (row.Below is null || (count > 2 && Contains(row.Below, below[segments[2]])))
                && (!row.ReadOnly || reads)
            )
            {
                return row.Parts | ManagementPart.Rest;
            }
        }

        return ManagementPart.None;
    }

    /// <summary>Whether a manager that runs <paramref name="runs"/> answers <paramref name="path"/>.</summary>
    public static bool Serves(ManagementPart runs, string method, ReadOnlySpan<char> path) =>
        runs == ManagementPart.All || (runs & Of(method, path)) != 0;

    private static bool Contains(string[] words, ReadOnlySpan<char> segment)
    {
        foreach (var word in words)
        {
            if (segment.Equals(word, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
