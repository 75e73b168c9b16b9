using System.Collections.Immutable;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>
/// Decides which cluster a command talks to: options, then environment, then the saved credentials. A saved token goes to the
/// managers it was saved for and to nobody else.
/// </summary>
internal static class ManagerContextChoice
{
    /// <summary>The context for one command; a <see cref="CommandFailure"/> that says how to sign in when there is none.</summary>
    public static ManagerContext Of(Call call)
    {
        var environment = call.Terminal.Environment;
        var managers = call.Get(GlobalOptions.Manager) is { Length: > 0 } given
            ? given
            : Split(environment("GATEHOUSE_URL"));
        var name = call.Get(GlobalOptions.Context) ?? NullIfEmpty(environment("GATEHOUSE_CONTEXT"));
        var path = Credentials.PathFor(call.Terminal);
        var credentials = Credentials.Load(path);
        var urls = managers.Select(ParseUrl).ToImmutableArray();

        var saved = Find(credentials, name, urls, path);
        if (saved is null && urls.IsEmpty)
        {
            throw new CommandFailure(
                ExitCode.NotAllowed,
                "not signed in to any cluster",
                path,
                "run 'gatehouse login LINK' with the link that 'gatehouse init' printed, or start one with 'gatehouse demo'"
            );
        }

        var tokenFile = call.Get(GlobalOptions.TokenFile) ?? NullIfEmpty(environment("GATEHOUSE_TOKEN_FILE"));
        var ca = call.Get(GlobalOptions.Ca) ?? NullIfEmpty(environment("GATEHOUSE_CA"));
        return new ManagerContext
        {
            Managers = urls.IsEmpty ? saved!.Managers : urls,
            Ca = ca is null ? saved?.Ca : ReadFile(ca, "certificate authority"),
            Token = tokenFile is null ? saved?.Token : ReadFile(tokenFile, "token").Trim(),
        };
    }

    private static ManagerContext? Find(Credentials credentials, string? name, ImmutableArray<Uri> urls, string path)
    {
        if (name is not null)
        {
            if (!credentials.Contexts.TryGetValue(name, out var named))
            {
                throw new CommandFailure(
                    ExitCode.NotFound,
                    $"no saved cluster is called '{name}'",
                    path,
                    credentials.Contexts.IsEmpty
                        ? "sign in with 'gatehouse login LINK'"
                        : $"use one of: {string.Join(", ", credentials.Contexts.Keys)}"
                );
            }

            return urls.All(u => named.Managers.Contains(u)) ? named : named with { Token = null };
        }

        if (!urls.IsEmpty)
        {
            return credentials.Contexts.Values.FirstOrDefault(c => urls.All(u => c.Managers.Contains(u)));
        }

        return credentials.Current is { } current ? credentials.Contexts.GetValueOrDefault(current) : null;
    }

    /// <summary>An address of a manager: <c>https</c>, host, port; nothing after it.</summary>
    public static Uri ParseUrl(string text)
    {
        var full = text.Contains("://", StringComparison.Ordinal) ? text : $"https://{text}";
        if (!Uri.TryCreate(full, UriKind.Absolute, out var url) || url.Host.Length == 0)
        {
            throw new CommandFailure(
                ExitCode.Usage,
                $"'{text}' is not the address of a manager",
                fix: "write it as https://HOST:9443"
            );
        }

        if (url.Scheme != Uri.UriSchemeHttps)
        {
            throw new CommandFailure(
                ExitCode.Usage,
                $"'{text}' is not an https address, and the token would travel in the clear",
                fix: $"write https://{url.Host}:9443"
            );
        }

        return new Uri(url.GetLeftPart(UriPartial.Authority));
    }

    private static string[] Split(string? list) =>
        list?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static string ReadFile(string path, string what)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(
                ExitCode.Usage,
                $"cannot read the {what}: {e.Message}",
                path,
                CommandFailure.FileFix,
                cause: e
            );
        }
    }
}
