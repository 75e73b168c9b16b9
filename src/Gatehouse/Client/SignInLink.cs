using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>
/// A link that signs somebody in once: <c>https://mgr-1:9443/#code=…&amp;ca=…</c>. Code and pin stand in the fragment, which
/// no browser sends and no proxy logs. The pin (SHA-256 of the cluster's certificate authority) lets a machine that has never
/// seen the cluster tell the manager from somebody in the middle before it sends the code.
/// </summary>
/// <param name="Manager">The manager's address.</param>
/// <param name="Code">Spent by the first sign-in.</param>
/// <param name="Pin">Lower-case hex, two with a comma between while one authority takes over from another; null when the manager's certificate is one the system trusts.</param>
internal sealed record SignInLink(Uri Manager, string Code, string? Pin)
{
    /// <summary>The link that a manager of this authority prints.</summary>
    public static SignInLink For(Uri manager, string code, IEnumerable<X509Certificate2> authorities) =>
        new(manager, code, string.Join(',', authorities.Select(PinOf)));

    /// <summary>How an authority is pinned.</summary>
    public static string PinOf(X509Certificate2 authority) =>
        Convert.ToHexStringLower(SHA256.HashData(authority.RawDataMemory.Span));

    /// <summary>Reads a link as it was pasted; a <see cref="CommandFailure"/> says what is wrong with it.</summary>
    public static SignInLink Parse(string text)
    {
        var hash = text.IndexOf('#');
        var parts =
            hash < 0
                ? []
                : text[(hash + 1)..]
                    .Split('&', StringSplitOptions.RemoveEmptyEntries)
                    .Select(p => p.Split('=', 2))
                    .Where(p => p.Length == 2)
                    .GroupBy(p => p[0])
                    .ToDictionary(p => p.Key, p => p.First()[1]);
        if (!parts.TryGetValue("code", out var code) || code.Length == 0)
        {
            throw new CommandFailure(
                ExitCode.Usage,
                "this is not a sign-in link: it has no '#code=…'",
                fix: "put the link in quotes and paste it whole, or use --url URL --code CODE"
            );
        }

        return new SignInLink(ManagerContextChoice.ParseUrl(text[..hash]), code, parts.GetValueOrDefault("ca"));
    }

    public override string ToString() =>
        $"{Manager.GetLeftPart(UriPartial.Authority)}/#code={Code}{(Pin is null ? "" : $"&ca={Pin}")}";
}
