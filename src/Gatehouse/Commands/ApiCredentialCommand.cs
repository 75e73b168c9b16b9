using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api credential API</c>: how the gateway proves itself to the API's backends.</summary>
internal static class ApiCredentialCommand
{
    public static Command Create()
    {
        var name = ApiCommands.Name();
        var type = new Option<string?>("--type")
        {
            Description = "basic, oauth2, apikey or mutualtls",
            HelpName = "TYPE",
        };
        var sandbox = new Option<bool>("--sandbox") { Description = "Of the sandbox endpoints" };
        var user = new Option<string?>("--user") { Description = "User, or the OAuth2 client's id", HelpName = "USER" };
        var secret = new Option<string?>("--secret")
        {
            Description = "Password, client secret, key or private key, in a file; - for standard input",
            HelpName = "FILE",
        };
        var url = new Option<string?>("--token-url") { Description = "Where oauth2 gets its tokens", HelpName = "URL" };
        var scope = new Option<string[]>("--scope") { Description = "Asked for by oauth2; may be given several times" };
        var header = new Option<string?>("--header") { Description = "The header of an API key", HelpName = "NAME" };
        var query = new Option<string?>("--query")
        {
            Description = "The query parameter of an API key",
            HelpName = "NAME",
        };
        var certificate = new Option<string?>("--certificate")
        {
            Description = "The client certificate and those above it, PEM",
            HelpName = "FILE",
        };
        var remove = new Option<bool>("--remove") { Description = "Take the credential away" };
        return new Command(
            "credential",
            "Set how the gateway proves itself to an API's backends; deploy the API to make it count"
        )
            .With(name, type, sandbox, user, secret, url, scope, header, query, certificate, remove)
            .Does(
                async (call, cancellation) =>
                {
                    var set = call.Get(sandbox) ? "sandbox" : "production";
                    if (call.Get(remove))
                    {
                        await call.Manager.DeleteCredentialOfApiAsync(call.Get(name), set, cancellation);
                        call.Output.Say($"The gateway proves itself no more to the {set} endpoints");
                        return;
                    }

                    var ask = new SetEndpointCredential(
                        call.Get(type)
                            ?? throw new CommandFailure(
                                ExitCode.Usage,
                                "which credential?",
                                fix: "give --type, or --remove"
                            ),
                        await SecretText.ReadAsync(call.Get(secret), cancellation),
                        call.Get(user),
                        call.Get(url),
                        [.. call.Get(scope) ?? []],
                        call.Get(header) ?? call.Get(query),
                        call.Get(query) is not null,
                        await SecretText.ReadAsync(call.Get(certificate), cancellation)
                    );
                    var made = await call.Manager.PutCredentialOfApiAsync(call.Get(name), set, ask, cancellation);
                    call.Output.Item(
                        "EndpointCredential",
                        made,
                        ("endpoints", set),
                        ("type", made.Type),
                        ("user", made.User),
                        ("tokens from", made.TokenUrl),
                        (made.InQuery ? "query" : "header", made.Name)
                    );
                    call.Output.Next($"gatehouse deploy {call.Get(name)} --wait");
                }
            );
    }
}

/// <summary>Reads what must not stand in a command line, where the shell's history and the list of processes show it.</summary>
internal static class SecretText
{
    /// <summary>The text of a file, or of standard input for <c>-</c>, without white space around it; null for no file.</summary>
    public static async Task<string?> ReadAsync(string? file, CancellationToken cancellation) =>
        file switch
        {
            null => null,
            "-" => (await Console.In.ReadToEndAsync(cancellation)).Trim(),
            _ => (await File.ReadAllTextAsync(file, cancellation)).Trim(),
        };
}
