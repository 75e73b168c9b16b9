using System.Collections.Frozen;
using System.Collections.Immutable;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Management;

/// <summary>What a route of the REST API asks of its caller.</summary>
public enum Permission
{
    /// <summary>See nodes, APIs, deployments.</summary>
    Read,

    /// <summary>Import, deploy, roll back, retire APIs.</summary>
    Publish,

    /// <summary>Make applications, subscriptions and keys.</summary>
    Subscribe,

    /// <summary>Drain and evict nodes, make join tokens.</summary>
    Operate,

    /// <summary>Read the audit.</summary>
    Audit,

    /// <summary>See behind the gateway: what a request met there, and how far a node is.</summary>
    Trace,

    /// <summary>Make and revoke the access of others.</summary>
    Administer,
}

/// <summary>The roles and what each may do.</summary>
public static class Roles
{
    /// <summary>May do everything.</summary>
    public const string Admin = "admin";

    /// <summary>Runs the cluster.</summary>
    public const string Operator = "operator";

    /// <summary>Publishes APIs.</summary>
    public const string Publisher = "publisher";

    /// <summary>Makes applications and keys.</summary>
    public const string Subscriber = "subscriber";

    /// <summary>Sees everything and changes nothing.</summary>
    public const string Auditor = "auditor";

    private static readonly FrozenDictionary<string, FrozenSet<Permission>> s_permissions = new Dictionary<
        string,
        FrozenSet<Permission>
    >
    {
        [Admin] = Enum.GetValues<Permission>().ToFrozenSet(),
        [Operator] = [Permission.Read, Permission.Operate, Permission.Audit, Permission.Trace],
        [Publisher] = [Permission.Read, Permission.Publish, Permission.Subscribe, Permission.Trace],
        [Subscriber] = [Permission.Read, Permission.Subscribe],
        [Auditor] = [Permission.Read, Permission.Audit],
    }.ToFrozenDictionary();

    /// <summary>The names of all roles, the furthest-reaching first.</summary>
    public static IReadOnlyList<string> Names { get; } = [Admin, Operator, Publisher, Auditor, Subscriber];

    /// <summary>What a role may do, in the order of <see cref="Permission"/>; nothing for an unknown one.</summary>
    public static IReadOnlyList<Permission> PermissionsOf(string role) =>
        [.. Enum.GetValues<Permission>().Where(p => Allow(role, p))];

    /// <summary>Reads role names with spaces between, the furthest-reaching first. Names that are no role are left out.</summary>
    public static ImmutableArray<string> Split(string names) =>
        [.. Names.Intersect(names.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>Writes role names with spaces between, each once, the furthest-reaching first.</summary>
    public static string Join(IEnumerable<string> roles) => string.Join(' ', Names.Intersect(roles));

    /// <summary>Throws <see cref="ProblemsException"/> when there is none or one that is no role.</summary>
    public static void Check(ImmutableArray<string> roles)
    {
        var unknown = roles.FirstOrDefault(r => !Names.Contains(r));
        if (roles.IsEmpty || unknown is not null)
        {
            throw new ProblemsException([
                new(
                    "/roles",
                    unknown is null ? "A user has at least one role" : $"There is no role '{Excerpt.Of(unknown)}'",
                    $"take of {string.Join(", ", Names)}"
                ),
            ]);
        }
    }

    /// <summary>True when <paramref name="role"/> may do what <paramref name="permission"/> says. An unknown role may do nothing.</summary>
    public static bool Allow(string role, Permission permission) =>
        s_permissions.TryGetValue(role, out var permissions) && permissions.Contains(permission);
}
