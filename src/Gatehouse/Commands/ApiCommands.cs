using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api import | create | version | list | show | set | credential | lifecycle | listing | policies | operations | scopes | delete</c>.</summary>
internal static class ApiCommands
{
    public static Command Create() =>
        new Command("api", "Import APIs and look at them").With(
            Import(),
            ApiMakeCommands.Create(),
            ApiMakeCommands.Version(),
            List(),
            Show(),
            ApiSetCommand.Create(),
            ApiCredentialCommand.Create(),
            LifecycleCommand.Create(),
            ListingCommand.Create(),
            Policies(),
            OperationCommands.Create(),
            ScopeCommands.Create(),
            Delete()
        );

    /// <summary>Argument of every command about one API.</summary>
    public static Argument<string> Name() =>
        new("api") { Description = "The API: name:version, or the name while it has one version", HelpName = "API" };

    private static Command Import()
    {
        var source = new Argument<string>("document")
        {
            Description = "OpenAPI 2.0, 3.0 or 3.1 in JSON or YAML, or a directory that 'gatehouse import wso2' wrote",
            HelpName = "FILE|URL|DIR",
        };
        var name = new Option<string?>("--name") { Description = "The API's name (default: from the title)" };
        var version = new Option<string?>("--version") { Description = "The API's version (default: the document's)" };
        var context = new Option<string?>("--context")
        {
            Description = "The path in front of the version (default: /NAME)",
            HelpName = "PATH",
        };
        var endpoint = new Option<string[]>("--endpoint")
        {
            Description = "Backend; may be given several times (default: the document's first server)",
            HelpName = "URL",
        };
        var sandbox = new Option<string[]>("--sandbox-endpoint")
        {
            Description = "Backend for sandbox keys; may be given several times",
            HelpName = "URL",
        };
        var auth = new Option<string?>("--auth")
        {
            Description = "apikey (default), oauth2, basic, mutualtls, several with commas, or none",
            HelpName = "WAYS",
        };
        var certificate = new Option<string?>("--client-certificate")
        {
            Description = "With mutualtls: optional (default), mandatory beside a credential, or alone in its place",
        };
        certificate.AcceptOnlyFromAmong("optional", "mandatory", "alone");
        var issuer = new Option<string[]>("--issuer")
        {
            Description = "Take tokens of this issuer only; may be given several times",
            HelpName = "NAME",
        };
        var audience = new Option<string[]>("--audience")
        {
            Description = "A token must be for one of these; may be given several times",
            HelpName = "AUD",
        };
        var header = new Option<string?>("--auth-header") { Description = "The header of tokens", HelpName = "NAME" };
        var passes = new Option<bool>("--pass-authorization") { Description = "Send that header on to the backend" };
        var policy = new Option<string?>("--policy")
        {
            Description =
                "Limit of the whole API, from 'gatehouse limit list' (default: the document's x-throttling-tier)",
            HelpName = "LIMIT",
        };
        var maxTps = new Option<int?>("--max-tps")
        {
            Description = "Most requests a second to the production backends; 0 for no bound",
            HelpName = "N",
        };
        var sandboxMaxTps = new Option<int?>("--sandbox-max-tps")
        {
            Description = "Most requests a second to the sandbox backends; 0 for no bound",
            HelpName = "N",
        };
        var update = new Option<bool>("--update") { Description = "Replace the definition of that name and version" };
        var deploy = new Option<bool>("--deploy") { Description = "Deploy it too" };
        var (wait, patience) = DeployCommands.WaitOptions();
        return new Command("import", "Make an API from an OpenAPI document")
            .With(
                source,
                name,
                version,
                context,
                endpoint,
                sandbox,
                auth,
                certificate,
                issuer,
                audience,
                header,
                passes,
                policy,
                maxTps,
                sandboxMaxTps,
                update,
                deploy,
                wait,
                patience
            )
            .Does(
                async (call, cancellation) =>
                {
                    var folder = ApiFolder.Find(call.Get(source));
                    var path = folder?.Document ?? call.Get(source);
                    using var content = new ByteArrayContent(await DocumentSource.ReadAsync(path, cancellation));
                    content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                    var said = new ApiImport
                    {
                        Name = call.Get(name),
                        Version = call.Get(version),
                        Context = call.Get(context),
                        Auth = call.Get(auth),
                        ClientCertificate = call.Get(certificate),
                        AuthorizationHeader = call.Get(header),
                        PassAuthorization = call.Get(passes) ? true : null,
                        Policy = call.Get(policy),
                        MaxTps = call.Get(maxTps),
                        SandboxMaxTps = call.Get(sandboxMaxTps),
                        Endpoints = [.. call.Get(endpoint) ?? []],
                        SandboxEndpoints = [.. call.Get(sandbox) ?? []],
                        Issuers = [.. call.Get(issuer) ?? []],
                        Audiences = [.. call.Get(audience) ?? []],
                        Update = call.Get(update) ? true : null,
                    };
                    var imported = await ImportAsync(
                        call,
                        path,
                        folder is null ? said : said.Or(folder.Import),
                        content,
                        cancellation
                    );
                    foreach (var warning in imported.Warnings)
                    {
                        call.Output.Warn((warning with { File = path }).ToString());
                    }

                    var api = imported.Api;
                    call.Output.Say(
                        $"{api.Id} is {(imported.Created ? "imported" : "updated")}: {Count(api.Operations)} at {api.Address}"
                    );
                    if (!call.Get(deploy) && !call.Get(wait))
                    {
                        call.Output.Item(
                            "Api",
                            api,
                            ("api", api.Id),
                            ("address", api.Address),
                            ("operations", $"{api.Operations}"),
                            ("auth", Auth(api))
                        );
                        call.Output.Next($"gatehouse deploy {api.Id} --wait");
                        return ExitCode.Done;
                    }

                    var exit = await DeployCommands.DeployAsync(
                        call,
                        api.Id,
                        revision: null,
                        message: null,
                        call.Get(wait),
                        TimeSpan.FromSeconds(call.Get(patience)),
                        cancellation
                    );
                    call.Output.Next(
                        $"gatehouse app create MyApp && gatehouse sub create MyApp {api.Id} && gatehouse key create MyApp"
                    );
                    return exit;
                }
            );
    }

    /// <summary>Sends a document with what is said beside it. The manager knows its lines; the file's name is known here.</summary>
    public static async Task<ImportView> ImportAsync(
        Call call,
        string file,
        ApiImport import,
        HttpContent content,
        CancellationToken cancellation
    )
    {
        try
        {
            return await import.SendAsync(call.Manager, content, cancellation);
        }
        catch (CommandFailure failure) when (failure.Problems.Any(p => p.Line > 0))
        {
            throw new CommandFailure(
                failure.Code,
                $"{file} was not imported",
                problems: [.. failure.Problems.Select(p => p.Line > 0 ? p with { File = file } : p)],
                cause: failure
            );
        }
    }

    private static Command List()
    {
        var query = new Argument<string[]>("query")
        {
            Description =
                "Words to find, each anywhere or in a field: name: version: context: tag: category: state: property: owner:",
            HelpName = "WORD",
            Arity = ArgumentArity.ZeroOrMore,
        };
        return new Command("list", "List the APIs, or those that a search finds")
            .With(query)
            .Does(
                async (call, cancellation) =>
                {
                    var words = string.Join(
                        ' ',
                        (call.Find(query) ?? []).Select(w => w.Contains(' ', StringComparison.Ordinal) ? $"\"{w}\"" : w)
                    );
                    var apis = await Pages.AllAsync(
                        (stop, limit, offset) =>
                            call.Manager.ListApisAsync(stop, words.Length == 0 ? null : words, limit, offset),
                        cancellation
                    );
                    call.Output.Items<ApiSummary>(
                        "Api",
                        apis,
                        new("NAME", a => a.Name),
                        new("VERSION", a => a.Version),
                        new("ADDRESS", a => a.Address),
                        new("STATE", a => LifecycleWords.Of(a.State)),
                        new("AUTH", Auth, Drop: 2),
                        new("OPERATIONS", a => $"{a.Operations}", Drop: 3),
                        new("DEPLOYED", a => a.DeployedRevision is { } r ? $"r{r}" : "no"),
                        new("LATEST", a => a.LatestRevision is { } r ? $"r{r}" : null, Drop: 1),
                        new("CHANGED", a => a.IsChanged ? "yes" : "no", Drop: 4)
                    );
                }
            );
    }

    private static Command Show()
    {
        var name = Name();
        return new Command("show", "Show one API with its operations")
            .With(name)
            .Does(
                async (call, cancellation) =>
                {
                    var api = await call.Manager.GetApiAsync(call.Get(name), cancellation);
                    var (summary, definition) = (api.Summary, api.Definition);
                    call.Output.Item(
                        "Api",
                        api,
                        ("name", definition.Name),
                        ("version", definition.Version),
                        ("address", summary.Address),
                        ("state", LifecycleWords.Of(summary.State)),
                        ("auth", Auth(summary)),
                        ("endpoints", string.Join(", ", definition.Endpoints)),
                        (
                            "sandbox",
                            definition.SandboxEndpoints.IsEmpty ? null : string.Join(", ", definition.SandboxEndpoints)
                        ),
                        ("connect timeout", $"{definition.ConnectTimeout.TotalSeconds:0.###} s"),
                        ("response timeout", $"{definition.ResponseTimeout.TotalSeconds:0.###} s"),
                        ("default version", definition.IsDefaultVersion ? "yes" : "no"),
                        ("lets pass", Passes(definition)),
                        ("limit", definition.Policy),
                        ("max tps", Number(definition.MaxTps)),
                        ("sandbox max tps", Number(definition.SandboxMaxTps)),
                        ("specification", definition.Specification),
                        ("deployed", summary.DeployedRevision is { } r ? $"r{r}" : "no"),
                        ("latest revision", summary.LatestRevision is { } latest ? $"r{latest}" : "none"),
                        ("changed since", summary.IsChanged ? "yes" : "no")
                    );
                    if (call.Output.Format == OutputFormat.Table)
                    {
                        call.Output.Line("");
                        call.Output.Items<Model.Operation>(
                            "Operation",
                            definition.Operations,
                            new("METHOD", o => o.Method),
                            new("PATH", o => o.Path),
                            new("AUTH", o => o.Open ? "none" : Auth(summary)),
                            new("SCOPES", o => o.Scopes.IsEmpty ? null : string.Join(", ", o.Scopes), Drop: 1),
                            new("LIMIT", o => o.Policy, Drop: 1)
                        );
                    }
                }
            );
    }

    private static Command Policies()
    {
        var name = Name();
        var file = new Option<string?>("--set")
        {
            Description = "Set them from a JSON file: a list of names and settings",
            HelpName = "FILE",
        };
        var operation = new Option<string?>("--operation")
        {
            Description = "Of this operation, such as \"GET /pets/{id}\" (with --set)",
            HelpName = "OPERATION",
        };
        return new Command("policies", "Show or set the policies of an API or one of its operations")
            .With(name, file, operation)
            .Does(
                async (call, cancellation) =>
                {
                    if (call.Get(file) is not { } from)
                    {
                        Print(call, await call.Manager.GetPoliciesOfApiAsync(call.Get(name), cancellation));
                        return;
                    }

                    var (method, path) = call.Get(operation) is { } which
                        ? MethodAndPath(which)
                        : default((string?, string?));
                    var policies = await DocumentSource.ReadJsonAsync<ImmutableArray<PolicyUse>>(from, cancellation);
                    Print(
                        call,
                        await call.Manager.PutPoliciesOfApiAsync(
                            call.Get(name),
                            policies,
                            cancellation,
                            method: method,
                            path: path
                        )
                    );
                    call.Output.Next($"gatehouse deploy {call.Get(name)}");
                }
            );
    }

    /// <summary>Reads <c>GET /pets</c>. Throws <see cref="CommandFailure"/> for anything else.</summary>
    public static (string Method, string Path) MethodAndPath(string operation) =>
        operation.Split(' ', 2, StringSplitOptions.TrimEntries) is [var method, ['/', ..] path]
            ? (method, path)
            : throw new CommandFailure(
                ExitCode.Usage,
                $"'{operation}' is no operation",
                "--operation",
                "write method and path as 'api show' lists them, such as 'GET /pets'"
            );

    private static void Print(Call call, PoliciesView policies) =>
        call.Output.Document(JsonSerializer.SerializeToNode(policies, ManagerClient.Json)!);

    private static Command Delete()
    {
        var name = Name();
        var yes = Confirmation.Yes();
        return new Command("delete", "Delete an API, its deployment and its subscriptions")
            .With(name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    var api = await call.Manager.GetApiAsync(call.Get(name), cancellation);
                    var id = api.Summary.Id;
                    Confirmation.Ask(
                        call,
                        yes,
                        id,
                        $"Deleting {id} ends every call to {api.Summary.Address} and all subscriptions to it."
                    );
                    // By the name it was read by: as it was read then, or not at all.
                    await call.Manager.DeleteApiAsync(call.Get(name), cancellation);
                    call.Output.Say($"{id} is deleted");
                }
            );
    }

    private static string? Number(int? number) => number?.ToString(CultureInfo.InvariantCulture);

    private static string Auth(ApiSummary api) => api.Security.IsEmpty ? "none" : string.Join(", ", api.Security);

    private static string? Passes(ApiDefinition api) =>
        (api.AllowEncodedSlash, api.AllowSemicolon) switch
        {
            (true, true) => "%2F, %5C and ;",
            (true, false) => "%2F and %5C",
            (false, true) => ";",
            _ => null,
        };

    private static string Count(int operations) => operations == 1 ? "1 operation" : $"{operations} operations";
}
