using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api create | version</c>: APIs that are made without a document at hand.</summary>
internal static class ApiMakeCommands
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The API's name", HelpName = "NAME" };
        var version = new Option<string>("--version")
        {
            Description = "The API's version",
            DefaultValueFactory = _ => "1.0.0",
        };
        var context = new Option<string?>("--context")
        {
            Description = "The path in front of the version (default: /NAME)",
            HelpName = "PATH",
        };
        var endpoint = new Option<string[]>("--endpoint")
        {
            Description = "Backend; may be given several times",
            HelpName = "URL",
            Required = true,
        };
        var operation = new Option<string[]>("--operation")
        {
            Description = "Such as \"GET /pets/{id}\"; may be given several times (default: every method of /*)",
            HelpName = "OPERATION",
        };
        var auth = new Option<string?>("--auth")
        {
            Description = "apikey (default), oauth2, basic, mutualtls, several with commas, or none",
            HelpName = "WAYS",
        };
        var description = new Option<string?>("--description") { Description = "For people" };
        return new Command("create", "Make an API without a document; one is written for it")
            .With(name, version, context, endpoint, operation, auth, description)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateApiAsync(
                        new ApiDraft
                        {
                            Name = call.Get(name),
                            Version = call.Get(version)!,
                            Context = call.Get(context),
                            Endpoints = [.. call.Get(endpoint) ?? []],
                            Operations = [.. call.Get(operation) ?? []],
                            Auth = call.Get(auth),
                            Description = call.Get(description),
                        },
                        cancellation
                    );
                    Tell(call, made.Api, "made");
                }
            );
    }

    public static Command Version()
    {
        var name = ApiCommands.Name();
        var version = new Argument<string>("version") { Description = "The new version", HelpName = "VERSION" };
        var isDefault = new Option<bool>("--default")
        {
            Description = "It answers without the version in the path from now on",
        };
        return new Command("version", "Make a new version of an API, with its listing and documents")
            .With(name, version, isDefault)
            .Does(
                async (call, cancellation) =>
                {
                    var made = await call.Manager.CreateVersionOfApiAsync(
                        call.Get(name),
                        new NewVersion(call.Get(version), call.Get(isDefault)),
                        cancellation
                    );
                    Tell(call, made.Summary, "made");
                }
            );
    }

    private static void Tell(Call call, ApiSummary api, string done)
    {
        call.Output.Say($"{api.Id} is {done}");
        call.Output.Item("Api", api, ("api", api.Id), ("address", api.Address), ("operations", $"{api.Operations}"));
        call.Output.Next($"gatehouse api lifecycle {api.Id} publish");
    }
}
