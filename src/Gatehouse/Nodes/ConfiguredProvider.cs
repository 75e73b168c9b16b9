using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Nodes;

/// <summary>The outside provider that people sign in by, as this node's configuration says.</summary>
internal static class ConfiguredProvider
{
    /// <summary>Null when none is set. Throws <see cref="CommandFailure"/> for a file that cannot be used.</summary>
    public static OidcProvider? Of(NodeContext node)
    {
        if (node.Settings.Oidc is not { } oidc)
        {
            return null;
        }

        string? Secret() => ConfiguredSecret.Read(oidc.ClientSecret, oidc.ClientSecretFile, "signIn.oidc.clientSecret");
        try
        {
            // Said at the start, not to the first who wants to sign in.
            Secret();
            return new()
            {
                Issuer = oidc.Issuer,
                ClientId = oidc.ClientId,
                ClientSecret = Secret,
                Name = oidc.Name ?? new Uri(oidc.Issuer).Host,
                Scopes = oidc.Scopes,
                UserClaim = oidc.UserClaim,
                RoleClaim = oidc.RoleClaim,
                Roles = oidc.Roles,
                CreatesUsers = oidc.CreateUsers,
                Authorities = oidc.AuthorityFile is { } file ? File.ReadAllText(file) : null,
                PublicUrl = () => node.Settings.PublicUrls.Management,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                e.Message,
                "signIn.oidc",
                "name a file that the node's user, and nobody else, can read",
                cause: e
            );
        }
    }
}
