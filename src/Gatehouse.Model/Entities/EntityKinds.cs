using System.Collections.Frozen;

namespace Gatehouse.Model;

/// <summary>The kinds of entity, as they are spelled in the catalogue, the feed and the stores. Append only.</summary>
public static class EntityKinds
{
    /// <summary>A deployed API revision in its compiled form: <see cref="Model.Api"/>, named by <see cref="DeploymentName"/>.</summary>
    public const string Api = "api";

    /// <summary>An application: <see cref="Model.Application"/>, named by its id.</summary>
    public const string Application = "application";

    /// <summary>A subscription: <see cref="Model.Subscription"/>, named <c>applicationId/api:version</c>.</summary>
    public const string Subscription = "subscription";

    /// <summary>An API key: <see cref="Model.ApiKey"/>, named by its id.</summary>
    public const string Key = "key";

    /// <summary>Who issues access tokens: <see cref="Model.Issuer"/>, named by its name.</summary>
    public const string Issuer = "issuer";

    /// <summary>A revocation: <see cref="Model.Revocation"/>, named by what it ends, such as <c>key/id</c>. The name alone revokes.</summary>
    public const string Revocation = "revocation";

    /// <summary>A registered node: <see cref="Model.Node"/>, named by its name.</summary>
    public const string Node = "node";

    /// <summary>A certificate that no internal endpoint accepts any more: <see cref="Model.DeniedCertificate"/>, named by its serial number.</summary>
    public const string DeniedCertificate = "denied-certificate";

    /// <summary>The cluster's public host names: <see cref="Model.PublicHosts"/>, named <c>default</c>.</summary>
    public const string Hosts = "hosts";

    /// <summary>Where APIs are deployed to: <see cref="GatewayEnvironment"/>, named by its name.</summary>
    public const string Environment = "environment";

    /// <summary>A business plan of subscriptions: <see cref="Model.Plan"/>, named by its name.</summary>
    public const string Plan = "plan";

    /// <summary>What an application may use of all APIs: <see cref="Model.ApplicationPolicy"/>, named by its name.</summary>
    public const string ApplicationPolicy = "application-policy";

    /// <summary>What may be used of an API or operation: <see cref="Model.ApiPolicy"/>, named by its name.</summary>
    public const string ApiPolicy = "api-policy";

    /// <summary>A limit by a key of the operator's: <see cref="Model.CustomRule"/>, named by its name.</summary>
    public const string CustomRule = "custom-rule";

    /// <summary>Who is turned away: <see cref="Model.Block"/>, named by <see cref="BlockTarget"/>. The name alone blocks.</summary>
    public const string Block = "block";

    /// <summary>How people come to have accounts. Stays on the managers; named <c>default</c>.</summary>
    public const string AccountSettings = "account-settings";

    /// <summary>An API as its publisher edits it. Stays on the managers.</summary>
    public const string Definition = "definition";

    /// <summary>Where an API stands in its life, named <c>name:version</c>. Stays on the managers; the gateways get <see cref="Model.Api.Status"/>.</summary>
    public const string Lifecycle = "lifecycle";

    /// <summary>How app developers find an API, named <c>name:version</c>. Stays on the managers.</summary>
    public const string Listing = "listing";

    /// <summary>A document of an API for app developers, named <c>name:version/document</c>. Stays on the managers.</summary>
    public const string ApiDocument = "api-document";

    /// <summary>A category of APIs, named by its name. Stays on the managers.</summary>
    public const string Category = "category";

    /// <summary>What somebody said about an API, named <c>name:version/id</c>. Stays on the managers.</summary>
    public const string Comment = "comment";

    /// <summary>How somebody rates an API, named <c>name:version/user</c>. Stays on the managers.</summary>
    public const string Rating = "rating";

    /// <summary>Something that waits for approval, named by its id. Stays on the managers.</summary>
    public const string Task = "task";

    /// <summary>What has to be approved, named <c>default</c>. Stays on the managers.</summary>
    public const string ApprovalSettings = "approval-settings";

    /// <summary>Whom to tell when something is wrong, named by its name. Stays on the managers.</summary>
    public const string AlertRule = "alert-rule";

    /// <summary>What a rule has told of, named <c>rule/digest</c>. Stays on the managers.</summary>
    public const string RaisedAlert = "raised-alert";

    /// <summary>The server that mail goes out by, named <c>default</c>. Stays on the managers.</summary>
    public const string MailSettings = "mail-settings";

    private static readonly FrozenSet<string> s_worker =
    [
        Api,
        Application,
        Subscription,
        Key,
        Issuer,
        Revocation,
        Node,
        DeniedCertificate,
        Hosts,
        Plan,
        ApplicationPolicy,
        ApiPolicy,
        CustomRule,
        Block,
    ];
    private static readonly FrozenSet<string> s_balancer = [Node, DeniedCertificate, Hosts, Environment];

    /// <summary>Kinds whose changes may never be refused: what cannot be read of them closes access, never opens it.</summary>
    public static bool IsRestrictive(string kind) => kind is Revocation or DeniedCertificate or Block;

    /// <summary>The kinds the feed sends to a node of <paramref name="profile"/>; empty for profiles that read the catalogue themselves.</summary>
    public static IReadOnlySet<string> For(Profile profile) =>
        profile switch
        {
            Profile.GatewayWorker or Profile.AllInOne => s_worker,
            Profile.LoadBalancer => s_balancer,
            _ => FrozenSet<string>.Empty,
        };
}
