using System.CommandLine;
using System.Net.Http.Headers;
using Gatehouse.Cli;
using Gatehouse.Management;
using Microsoft.AspNetCore.StaticFiles;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse doc list | put | delete</c>: what app developers read about an API.</summary>
internal static class DocCommands
{
    public static Command Create() =>
        new Command("doc", "Documents of an API for app developers").With(List(), Put(), Delete());

    private static Argument<string> Document() =>
        new("name") { Description = "The document's name", HelpName = "NAME" };

    private static Command List()
    {
        var api = ApiCommands.Name();
        return new Command("list", "List an API's documents")
            .With(api)
            .Does(
                async (call, cancellation) =>
                    call.Output.Items<ApiDocument>(
                        "Document",
                        await call.Manager.ListDocumentsOfApiAsync(call.Get(api), cancellation),
                        new("NAME", d => d.Name),
                        new("TYPE", d => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{d.Type}")),
                        new("IS", d => d.Url ?? d.MediaType ?? "empty"),
                        new("SUMMARY", d => d.Summary, Drop: 1)
                    )
            );
    }

    private static Command Put()
    {
        var (api, name) = (ApiCommands.Name(), Document());
        var file = new Argument<string?>("file")
        {
            Description = "Its content: Markdown (.md) or any file",
            HelpName = "FILE",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var url = new Option<string?>("--url") { Description = "A link instead of a file", HelpName = "URL" };
        var summary = new Option<string?>("--summary") { Description = "In a sentence" };
        var type = new Option<DocumentType>("--type")
        {
            Description = "how-to (default), samples, public-forum, support-forum, api-message-format, other",
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                foreach (var known in Enum.GetValues<DocumentType>())
                {
                    if (System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{known}") == text)
                    {
                        return known;
                    }
                }

                result.AddError(
                    $"'{text}' is no type of document; use one of {string.Join(", ", Enum.GetValues<DocumentType>().Select(t => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{t}")))}"
                );
                return default;
            },
        };
        return new Command("put", "Make a document or replace it")
            .With(api, name, file, url, summary, type)
            .Does(
                async (call, cancellation) =>
                {
                    if (call.Find(file) is null == call.Get(url) is null)
                    {
                        throw new CommandFailure(
                            ExitCode.Usage,
                            "a document is either a file or a link",
                            fix: "give FILE or --url URL"
                        );
                    }

                    var bytes = call.Find(file) is { } from ? await DocumentSource.ReadAsync(from, cancellation) : null;
                    var document = await call.Manager.PutDocumentOfApiAsync(
                        call.Get(api),
                        call.Get(name),
                        new ApiDocument
                        {
                            Name = call.Get(name),
                            Type = call.Get(type),
                            Summary = call.Get(summary) ?? "",
                            Url = call.Get(url),
                            FileName = call.Find(file) is { } f ? Path.GetFileName(f) : null,
                        },
                        cancellation
                    );
                    if (bytes is not null)
                    {
                        using var content = new ByteArrayContent(bytes);
                        content.Headers.ContentType = new MediaTypeHeaderValue(MediaTypeOf(call.Find(file)!));
                        document = await call.Manager.PutContentOfDocumentOfApiAsync(
                            call.Get(api),
                            call.Get(name),
                            content,
                            cancellation
                        );
                    }

                    call.Output.Say($"{document.Name} is set");
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("Document", document);
                    }
                }
            );
    }

    private static Command Delete()
    {
        var (api, name, yes) = (ApiCommands.Name(), Document(), Confirmation.Yes());
        return new Command("delete", "Delete a document")
            .With(api, name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(call, yes, call.Get(name), $"Deleting {call.Get(name)} cannot be undone.");
                    await call.Manager.DeleteDocumentOfApiAsync(call.Get(api), call.Get(name), cancellation);
                    call.Output.Say($"{call.Get(name)} is deleted");
                }
            );
    }

    internal static string MediaTypeOf(string file) =>
        Path.GetExtension(file).ToLowerInvariant() is ".md" or ".markdown" ? "text/markdown"
        : new FileExtensionContentTypeProvider().TryGetContentType(file, out var type) ? type
        : "application/octet-stream";
}
