namespace Gatehouse.Management;

/// <summary>Addresses to return to come from the browser: only paths of ours are followed.</summary>
public static class LocalPath
{
    /// <summary><paramref name="path"/> when it is a path of this host and no way to sign in, else <paramref name="otherwise"/>.</summary>
    public static string Or(string? path, string otherwise) =>
        path is { Length: > 0 and < 2000 }
        && path[0] == '/'
        && (path.Length == 1 || (path[1] != '/' && path[1] != '\\'))
        && !path.Any(char.IsControl)
        && !path.StartsWith("/sign-", StringComparison.Ordinal)
            ? path
            : otherwise;

    /// <summary>Where somebody begins who was on the way to nowhere.</summary>
    public static string HomeOf(User user) =>
        user.Roles() switch
        {
            [Roles.Subscriber] => "/devportal",
            [Roles.Publisher, ..] => "/publisher",
            _ => "/admin",
        };
}
