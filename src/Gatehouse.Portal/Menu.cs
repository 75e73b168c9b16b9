using Gatehouse.Management;
using Gatehouse.Portal.Access;

namespace Gatehouse.Portal;

/// <summary>The parts of the portal.</summary>
internal enum Area
{
    /// <summary>For who runs the cluster.</summary>
    Console,

    /// <summary>For who publishes APIs.</summary>
    Publisher,

    /// <summary>For who calls them.</summary>
    DevPortal,

    /// <summary>The door.</summary>
    SignIn,
}

/// <summary>One line of the menu.</summary>
internal sealed record Place(string Title, string Href, string Icon, Permission Needs = Permission.Read);

/// <summary>A group of lines.</summary>
internal sealed record Section(string Title, Place[] Items);

/// <summary>The menu beside the page.</summary>
internal static class Menu
{
    private static readonly Section[] s_console =
    [
        new(
            "Cluster",
            [
                new("Overview", "/admin", "layout-dashboard"),
                new("Nodes", "/admin/nodes", "network"),
                new("Deployments", "/admin/deployments", "rocket"),
                new("Environments", "/admin/environments", "layers"),
                new("Analytics", "/admin/analytics", "chart-line"),
                new("Certificates", "/admin/certificates", "shield-check"),
                new("Alerts", "/admin/alerts", "bell"),
            ]
        ),
        new(
            "Rules",
            [
                new("Plans and limits", "/admin/limits", "gauge"),
                new("Blocks", "/admin/blocks", "ban"),
                new("Key managers", "/admin/issuers", "key-round"),
                new("OAuth2 clients", "/admin/clients", "lock"),
            ]
        ),
        new(
            "People",
            [
                new("Users and roles", "/admin/users", "users", Permission.Administer),
                new("Audit", "/admin/audit", "scroll-text", Permission.Audit),
            ]
        ),
        new("Programs", [new("REST API", "/admin/api-reference", "file-code")]),
    ];

    private static readonly Section[] s_publisher =
    [
        new(
            "APIs",
            [new("All APIs", "/publisher", "package"), new("Import", "/publisher/import", "upload", Permission.Publish)]
        ),
        new("People", [new("Approvals", "/publisher/approvals", "badge-check", Permission.Publish)]),
    ];

    /// <summary>What the caller may go to in an area.</summary>
    public static Section[] Of(Area area, Session session) =>
        [
            .. (
                area switch
                {
                    Area.Console => s_console,
                    Area.Publisher => s_publisher,
                    _ => [],
                }
            )
                .Select(s => s with { Items = [.. s.Items.Where(i => session.May(i.Needs))] })
                .Where(s => s.Items.Length > 0),
        ];
}
