using System.Collections.Immutable;
using System.Text;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Internal;

/// <summary>One thing that can be asked for on port 7443, and who may.</summary>
/// <param name="Purpose">The TLS server name it is under.</param>
/// <param name="Path">Exact; <c>*</c> for every path of the purpose.</param>
/// <param name="ServedBy">Profiles that answer it.</param>
/// <param name="Allowed">Profiles whose certificate may ask; empty with <paramref name="Anyone"/>.</param>
/// <param name="Anyone">True when it needs no certificate.</param>
/// <param name="What">What it is, and why these may.</param>
public sealed record InternalPath(
    InternalPurpose Purpose,
    string Path,
    ImmutableArray<Profile> ServedBy,
    ImmutableArray<Profile> Allowed,
    bool Anyone,
    string What
)
{
    /// <summary>True when a node of <paramref name="profile"/>, or null for a caller without certificate, may ask.</summary>
    public bool Admits(Profile? profile) => Anyone || (profile is { } known && Allowed.Contains(known));
}

/// <summary>
/// The one table <em>path → allowed profiles</em> of port 7443. What is not in it is refused. docs/reference/internal-paths.md
/// is made from it.
/// </summary>
public static class InternalPaths
{
    /// <summary>The authorities' certificates: public, and what a joiner compares with its token before it says anything.</summary>
    public const string Authorities = "/authorities";

    /// <summary>A certificate for a join token.</summary>
    public const string Join = "/gatehouse.v1.Enrolment/Join";

    /// <summary>A new certificate for the present one.</summary>
    public const string Renew = "/gatehouse.v1.Enrolment/Renew";

    /// <summary>The cluster key.</summary>
    public const string ClusterKey = "/gatehouse.v1.Enrolment/ClusterKey";

    /// <summary>The feed.</summary>
    public const string Follow = "/gatehouse.v1.Feed/Follow";

    /// <summary>What a node runs.</summary>
    public const string Report = "/gatehouse.v1.Feed/Report";

    /// <summary>What requests a worker served.</summary>
    public const string Events = "/gatehouse.v1.Analytics/Send";

    /// <summary>Whether the node is ready.</summary>
    public const string Ready = "/readyz";

    /// <summary>Which cluster it is of.</summary>
    public const string Cluster = "/cluster";

    /// <summary>Its settings with their origins, and the newest lines of its log.</summary>
    public const string Inspection = "/inspection";

    private const string Every = "*";

    private static readonly ImmutableArray<Profile> s_all = [.. Enum.GetValues<Profile>()];
    private static readonly ImmutableArray<Profile> s_managers = [.. s_all.Where(p => p.IsManager())];
    private static readonly ImmutableArray<Profile> s_workers = [.. s_all.Where(p => p.IsWorker())];
    private static readonly ImmutableArray<Profile> s_lenders = [Profile.GatewayWorker];
    private static readonly ImmutableArray<Profile> s_balancers = [Profile.LoadBalancer];
    private static readonly ImmutableArray<Profile> s_fed = [.. s_all.Where(p => EntityKinds.For(p).Count > 0)];

    /// <summary>Every row.</summary>
    public static ImmutableArray<InternalPath> All { get; } =
    [
        new(
            InternalPurpose.Control,
            Authorities,
            s_managers,
            [],
            Anyone: true,
            "The authorities' certificates, which are public. A joiner compares them with its token's pin before it sends the secret."
        ),
        new(
            InternalPurpose.Control,
            Join,
            s_managers,
            [],
            Anyone: true,
            "A node certificate for a join token. The token is the credential; the joiner has no certificate yet."
        ),
        new(
            InternalPurpose.Control,
            Renew,
            s_managers,
            s_all,
            Anyone: false,
            "A new certificate for the node named in the present one, same profile, same key."
        ),
        new(
            InternalPurpose.Control,
            ClusterKey,
            s_managers,
            s_managers,
            Anyone: false,
            "The cluster key, which opens every secret in the catalogue: managers only."
        ),
        new(
            InternalPurpose.Control,
            Follow,
            s_managers,
            s_fed,
            Anyone: false,
            "The feed. Each profile gets the kinds it needs; a pure manager reads the catalogue itself."
        ),
        new(
            InternalPurpose.Control,
            Follow,
            s_lenders,
            s_fed,
            Anyone: false,
            "A worker's store, for a node that has a certificate and finds no manager: the same kinds as from the feed, signed."
        ),
        new(InternalPurpose.Control, Report, s_managers, s_all, Anyone: false, "What a node runs and refuses."),
        new(
            InternalPurpose.Control,
            Events,
            s_managers,
            s_workers,
            Anyone: false,
            "What requests a worker served, in batches; its certificate says whose they are."
        ),
        new(
            InternalPurpose.Control,
            Ready,
            s_all,
            s_all,
            Anyone: false,
            "Whether the node is ready; the balancer's probe."
        ),
        new(
            InternalPurpose.Control,
            Cluster,
            s_all,
            s_all,
            Anyone: false,
            "Which cluster and membership incarnation the node is of; the watchdog for a second cluster asks."
        ),
        new(
            InternalPurpose.Control,
            Inspection,
            s_all,
            s_managers,
            Anyone: false,
            "Settings with their origins and the newest lines of the log, for an operator who asks a manager. Secrets are masked."
        ),
        new(
            InternalPurpose.Apis,
            Every,
            s_workers,
            s_balancers,
            Anyone: false,
            "API traffic that a balancer took in; its X-Forwarded-* headers are believed because of its certificate."
        ),
        new(
            InternalPurpose.Management,
            Every,
            s_managers,
            [.. s_balancers, .. s_workers],
            Anyone: false,
            "Console and REST through the balancer, the key manager through a worker; callers prove themselves as on the manager's own port."
        ),
    ];

    /// <summary>The row for <paramref name="path"/> on a node of <paramref name="servedBy"/>; null when it does not answer it.</summary>
    public static InternalPath? Find(InternalPurpose purpose, string path, Profile servedBy)
    {
        // Exact and case-sensitive: the router behind is laxer, but never sees what did not match here.
        foreach (var row in All)
        {
            if (row.Purpose == purpose && (row.Path == Every || row.Path == path) && row.ServedBy.Contains(servedBy))
            {
                return row;
            }
        }

        return null;
    }

    /// <summary>True when a node of <paramref name="profile"/> answers anything under <paramref name="purpose"/>.</summary>
    public static bool Serves(Profile profile, InternalPurpose purpose) =>
        All.Any(row => row.Purpose == purpose && row.ServedBy.Contains(profile));

    /// <summary>True when a node of <paramref name="profile"/> answers anything without a certificate.</summary>
    public static bool AdmitsAnonymous(Profile profile) => All.Any(row => row.Anyone && row.ServedBy.Contains(profile));

    /// <summary>The table as the page docs/reference/internal-paths.md.</summary>
    public static string ToMarkdown()
    {
        var page = new StringBuilder(
            """
            # Port 7443: path → allowed profiles

            Made from `src/Gatehouse.Deployment/Internal/InternalPaths.cs`; a test compares the two. What is not listed is refused.
            The purpose is the TLS server name: a connection opened for one purpose reaches nothing of another.

            | server name | path | answered by | for | what |
            |---|---|---|---|---|

            """.ReplaceLineEndings("\n")
        );
        foreach (var row in All)
        {
            page.Append("| `").Append(row.Purpose.ServerName());
            page.Append("` | `").Append(row.Path);
            page.Append("` | ").Append(Names(row.ServedBy));
            page.Append(" | ").Append(row.Anyone ? "**anyone, without a certificate**" : Names(row.Allowed));
            page.Append(" | ").Append(row.What).Append(" |\n");
        }

        return page.ToString();
    }

    private static string Names(ImmutableArray<Profile> profiles) =>
        profiles.Length == s_all.Length ? "every node"
        : profiles.SequenceEqual(s_managers) ? "every manager"
        : string.Join(", ", profiles.Select(p => p.Name()));
}
