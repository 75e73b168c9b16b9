using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>What a definition must keep to. Pure; finds everything that is wrong.</summary>
internal static partial class ApiRules
{
    /// <summary>Ways in that this build knows.</summary>
    public static ImmutableArray<string> KnownSecurity { get; } = SecurityScheme.All;

    /// <summary>
    /// The name for a title: lower case, runs of anything but letters, digits and <c>._</c> become one dash. One spelling,
    /// because names end up in addresses and commands.
    /// </summary>
    public static string NameFor(string title) =>
        Separators().Replace(title.ToLowerInvariant(), "-").Trim('-', '.', '_');

    /// <summary>The context of an API whose publisher names none.</summary>
    public static string ContextFor(string name) => "/" + name.ToLowerInvariant();

    /// <summary>Everything that is wrong with <paramref name="definition"/>.</summary>
    public static ImmutableArray<Problem> Check(ApiDefinition definition)
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        if (!Name().IsMatch(definition.Name))
        {
            problems.Add(
                new(
                    "/name",
                    $"'{Excerpt.Of(definition.Name)}' is no name of an API: 1 to 64 letters, digits and -._, the first a letter or digit",
                    "give one with --name"
                )
            );
        }

        if (!Version().IsMatch(definition.Version))
        {
            problems.Add(
                new(
                    "/version",
                    $"'{Excerpt.Of(definition.Version)}' is no version of an API: 1 to 30 letters, digits and -._, the first a letter or digit",
                    "give one with --version"
                )
            );
        }

        // A context made of a bad name is the same mistake.
        var isNameAgain = !Name().IsMatch(definition.Name) && definition.Context == ContextFor(definition.Name);
        if (!isNameAgain && (!Context().IsMatch(definition.Context) || definition.Context.Length > 200))
        {
            problems.Add(
                new(
                    "/context",
                    $"'{Excerpt.Of(definition.Context)}' is no context: '/' and letters, digits and -._~, in as many segments as wanted, no '/' at the end",
                    "give one such as /petstore with --context; the version is appended by itself"
                )
            );
        }

        CheckEndpoints("/endpoints", definition.Endpoints, problems);
        CheckEndpoints("/sandboxEndpoints", definition.SandboxEndpoints, problems);
        if (definition.Endpoints.IsEmpty)
        {
            problems.Add(
                new(
                    "/endpoints",
                    "There is no backend: the document names no absolute http or https server",
                    "give one with --endpoint http://host:port"
                )
            );
        }

        foreach (var way in definition.Security.Where(s => !KnownSecurity.Contains(s)))
        {
            problems.Add(
                new(
                    "/security",
                    $"'{Excerpt.Of(way)}' is no way in",
                    $"take of {string.Join(", ", KnownSecurity)}, or none for an open API"
                )
            );
        }

        CheckAuthorities(definition.BackendAuthorities, problems);
        CheckTimeout("/connectTimeout", definition.ConnectTimeout, TimeSpan.FromMinutes(5), problems);
        CheckTimeout("/responseTimeout", definition.ResponseTimeout, TimeSpan.FromDays(1), problems);
        CheckAccess(definition, problems);
        problems.AddRange(PolicyKinds.Check(definition.Policies, "/policies", ofOperation: false));
        for (var i = 0; i < definition.Operations.Length; i++)
        {
            problems.AddRange(
                PolicyKinds.Check(definition.Operations[i].Policies, $"/operations/{i}/policies", ofOperation: true)
            );
        }

        if (definition.MaxTps is < 1 || definition.SandboxMaxTps is < 1)
        {
            problems.Add(
                new(
                    definition.MaxTps is < 1 ? "/maxTps" : "/sandboxMaxTps",
                    "A backend's maximum is at least 1 request a second",
                    "give 0 for no bound"
                )
            );
        }

        if (problems.Count == 0)
        {
            CheckSize(definition, problems);
        }

        return problems.ToImmutable();
    }

    private static void CheckAuthorities(string? pem, ImmutableArray<Problem>.Builder problems)
    {
        if (pem is null)
        {
            return;
        }

        try
        {
            foreach (var certificate in BackendAuthorities.Read(pem))
            {
                certificate.Dispose();
            }
        }
        catch (FormatException bad)
        {
            problems.Add(
                new(
                    "/backendAuthorities",
                    $"Backends cannot be known by these certificates: {bad.Message}",
                    "give the PEM of the authority that issues the backends' certificates, or of a backend's own that nobody else issued"
                )
            );
        }
    }

    private static void CheckTimeout(
        string pointer,
        TimeSpan time,
        TimeSpan most,
        ImmutableArray<Problem>.Builder problems
    )
    {
        if (time < TimeSpan.FromMilliseconds(10) || time > most)
        {
            problems.Add(new(pointer, $"A timeout of {time} is out of bounds", $"take one from 10 ms to {most}"));
        }
    }

    private static void CheckAccess(ApiDefinition definition, ImmutableArray<Problem>.Builder problems)
    {
        var access = definition.Access;
        foreach (
            var (pointer, header) in new[]
            {
                ("/access/authorizationHeader", access.AuthorizationHeader),
                ("/access/apiKeyHeader", access.ApiKeyHeader),
            }
        )
        {
            if (!Header().IsMatch(header))
            {
                problems.Add(
                    new(pointer, $"'{Excerpt.Of(header)}' is no name of a header", "take letters, digits and -")
                );
            }
        }

        var takesCertificates = definition.Security.Contains(SecurityScheme.MutualTls);
        if ((access.CertificateMandatory || access.CredentialOptional) && !takesCertificates)
        {
            problems.Add(
                new(
                    "/access",
                    "The API asks for certificates, but mutualtls is not among its ways in",
                    "add mutualtls to --auth"
                )
            );
        }
    }

    private static void CheckEndpoints(
        string pointer,
        ImmutableArray<string> urls,
        ImmutableArray<Problem>.Builder problems
    )
    {
        if (urls.Length > 64)
        {
            problems.Add(new(pointer, "There are more than 64 endpoints", "put a load balancer in front of them"));
        }

        for (var i = 0; i < urls.Length; i++)
        {
            if (EndpointProblem(urls[i]) is { } why)
            {
                problems.Add(new($"{pointer}/{i}", $"'{Excerpt.Of(urls[i])}' {why}", "give http://host:port/path"));
            }
        }
    }

    private static string? EndpointProblem(string url) =>
        !Uri.TryCreate(url, UriKind.Absolute, out var uri)
        || uri.Scheme is not ("http" or "https")
        || uri.Host.Length == 0
            ? "is no absolute http or https URL"
        // It would lie readable in every worker's store and in every listing.
        : uri.UserInfo.Length > 0 ? "carries a user name or password"
        : uri.Query.Length > 0 || uri.Fragment.Length > 0 || url.Contains('?') || url.Contains('#')
            ? "has a query or fragment"
        : url.AsSpan().IndexOfAnyInRange('\0', ' ') >= 0 ? "holds a space or control character"
        : url.Length > 2000 ? "is longer than 2000 characters"
        : null;

    // What the feed carries is bounded; told here, where the publisher still has the document in hand.
    private static void CheckSize(ApiDefinition definition, ImmutableArray<Problem>.Builder problems)
    {
        var api = definition.ToApi(int.MaxValue);
        var whole = CanonicalJson.Write(api, ModelJson.Default.Api).Length;
        if (whole <= EntityChange.MaxPayload)
        {
            return;
        }

        var rest = CanonicalJson.Write(api with { Operations = [], Contract = null }, ModelJson.Default.Api).Length;
        var schemas =
            whole
            - CanonicalJson.Write(definition.WithoutContracts().ToApi(int.MaxValue), ModelJson.Default.Api).Length;
        problems.Add(
            new(
                "/operations",
                $"The API takes {whole >> 10} KiB on the wire and may take {EntityChange.MaxPayload >> 10}: "
                    + $"{definition.Operations.Length} operations {(whole - rest - schemas) >> 10} KiB, schemas to validate by {schemas >> 10} KiB, the rest {rest >> 10} KiB",
                schemas > whole / 2
                    ? "validate fewer operations, or split it into several APIs"
                    : "split it into several APIs"
            )
        );
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,29}\z")]
    private static partial Regex Version();

    // No segment of dots alone: a gateway refuses such calls.
    [GeneratedRegex(@"\A(?:/(?!\.+(?:/|\z))[A-Za-z0-9._~-]+)+\z")]
    private static partial Regex Context();

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex Header();

    [GeneratedRegex("[^a-z0-9._]+")]
    private static partial Regex Separators();
}
