using System.Collections.Immutable;
using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api set API field=value…</c>: what is not in the document.</summary>
internal static class ApiSetCommand
{
    // One line a field: its name, what it takes, and what it does to the edit.
    private static readonly ImmutableArray<Field> s_fields =
    [
        new("description", "TEXT", (edit, value) => edit with { Description = value }),
        new("endpoint", "URL[,URL]", (edit, value) => edit with { Endpoints = Urls(value) }),
        new("sandbox", "URL[,URL]|none", (edit, value) => edit with { SandboxEndpoints = Urls(value) }),
        new("backend-ca", "FILE|none", (edit, value) => edit with { BackendAuthorities = Pem(value) }),
        new("connect-timeout", "TIME", (edit, value) => edit with { ConnectTimeout = Time(value) }),
        new("response-timeout", "TIME", (edit, value) => edit with { ResponseTimeout = Time(value) }),
        new("default-version", "yes|no", (edit, value) => edit with { IsDefaultVersion = Flag(value) }),
        new("encoded-slash", "yes|no", (edit, value) => edit with { AllowEncodedSlash = Flag(value) }),
        new("semicolon", "yes|no", (edit, value) => edit with { AllowSemicolon = Flag(value) }),
    ];

    public static Command Create()
    {
        var name = ApiCommands.Name();
        var fields = new Argument<string[]>("fields")
        {
            Description = string.Join("; ", s_fields.Select(f => $"{f.Name}={f.Takes}")),
            HelpName = "FIELD=VALUE",
            Arity = ArgumentArity.OneOrMore,
        };
        return new Command(
            "set",
            "Change an API without its document; deploy it to make the change count. "
                + "Example: gatehouse api set petstore response-timeout=30s default-version=yes"
        )
            .With(name, fields)
            .Does(
                async (call, cancellation) =>
                {
                    var edit = call.Get(fields).Aggregate(new ApiEdit(), Apply);
                    var api = await call.Manager.PatchApiAsync(call.Get(name), edit, cancellation);
                    call.Output.Say($"{api.Summary.Id} is changed");
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("Api", api);
                    }

                    call.Output.Next($"gatehouse deploy {api.Summary.Id} --wait");
                }
            );
    }

    private static ApiEdit Apply(ApiEdit edit, string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? text : text[..equals];
        if (s_fields.FirstOrDefault(f => f.Name == name) is not { } field)
        {
            throw Wrong(
                $"'{name}' is no field of an API",
                NearestName.Of(name, s_fields.Select(f => f.Name)) is { } near
                    ? $"did you mean '{near}'?"
                    : $"use one of {string.Join(", ", s_fields.Select(f => f.Name))}"
            );
        }

        if (equals < 0)
        {
            throw Wrong($"'{name}' has no value", $"write {field.Name}={field.Takes}");
        }

        try
        {
            return field.Set(edit, text[(equals + 1)..]);
        }
        catch (FormatException)
        {
            throw Wrong($"'{text}' cannot be read", $"write {field.Name}={field.Takes}");
        }
    }

    private static ImmutableArray<string> Urls(string value) =>
        value is "none"
            ? []
            : [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static string Pem(string file)
    {
        try
        {
            return file is "none" ? "" : File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Failed, e.Message, file, CommandFailure.FileFix, cause: e);
        }
    }

    private static TimeSpan Time(string value) =>
        Duration.TryParse(value, out var time) ? time : throw new FormatException();

    private static bool Flag(string value) =>
        value switch
        {
            "yes" or "true" => true,
            "no" or "false" => false,
            _ => throw new FormatException(),
        };

    private static CommandFailure Wrong(string what, string fix) => new(ExitCode.Usage, what, fix: fix);

    private sealed record Field(string Name, string Takes, Func<ApiEdit, string, ApiEdit> Set);
}
