using System.Collections.Immutable;
using System.Net;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Client;

/// <summary>Turns what went wrong between a command and a manager into words and an exit code.</summary>
internal static class ManagerProblem
{
    /// <summary>An answer that is no success: RFC 9457 if the manager wrote it, else the status alone.</summary>
    public static CommandFailure Read(HttpResponseMessage response, byte[] body)
    {
        var url = response.RequestMessage?.RequestUri?.ToString();
        var code = CodeOf(response.StatusCode);
        var fix = response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => "sign in: 'gatehouse login' with the link that 'gatehouse init' printed",
            HttpStatusCode.Forbidden => "'gatehouse whoami' shows who you are; ask an operator for the role",
            HttpStatusCode.PreconditionFailed => "run the command again: it then works on what is there now",
            _ => null,
        };
        if (TryParse(body) is not { } problem)
        {
            return new CommandFailure(code, $"the manager answered {(int)response.StatusCode}", url, fix)
            {
                Status = (int)response.StatusCode,
            };
        }

        var problems = problem.Errors is null
            ? []
            : problem
                .Errors.Select(e => new Problem(
                    e.Pointer ?? "",
                    e.Detail ?? e.Message ?? "is not valid",
                    e.Fix,
                    e.File,
                    e.Line ?? 0,
                    e.Column ?? 0
                ))
                .ToImmutableArray();
        // Our managers say what is wrong in the title, and more or the way out in the detail.
        var what = problem.Title ?? problem.Detail ?? $"the manager answered {(int)response.StatusCode}";
        var advice = problem.Title is null ? fix : problem.Detail ?? NameLists.FixFor(what) ?? fix;
        return new CommandFailure(code, what, problems.IsEmpty ? url : null, advice, problems)
        {
            Status = (int)response.StatusCode,
        };
    }

    /// <summary>A connection that failed.</summary>
    public static CommandFailure Read(HttpRequestException e, Uri url) =>
        e switch
        {
            { InnerException: AuthenticationException } => new CommandFailure(
                ExitCode.Unreachable,
                "the manager's certificate is not one of the cluster we know",
                url.GetLeftPart(UriPartial.Authority),
                "is this the right host and cluster? Sign in again with 'gatehouse login', or name its certificate authority with --ca FILE",
                cause: e
            ),
            { HttpRequestError: HttpRequestError.NameResolutionError } => new CommandFailure(
                ExitCode.Unreachable,
                $"the host name '{url.Host}' does not resolve",
                url.GetLeftPart(UriPartial.Authority),
                "check the name, or give another manager with --manager URL",
                cause: e
            ),
            _ => new CommandFailure(
                ExitCode.Unreachable,
                $"cannot reach the manager: {(e.InnerException ?? e).Message}",
                url.GetLeftPart(UriPartial.Authority),
                "is it running? Give another manager with --manager URL",
                cause: e
            ),
        };

    /// <summary>True when the request cannot have reached the manager, so that another one may be asked.</summary>
    public static bool WasNeverSent(HttpRequestException e) =>
        e.HttpRequestError
            is HttpRequestError.ConnectionError
                or HttpRequestError.NameResolutionError
                or HttpRequestError.SecureConnectionError;

    private static ExitCode CodeOf(HttpStatusCode status) =>
        status switch
        {
            HttpStatusCode.BadRequest
            or HttpStatusCode.UnprocessableEntity
            or HttpStatusCode.RequestEntityTooLarge
            or HttpStatusCode.UnsupportedMediaType => ExitCode.Invalid,
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCode.NotAllowed,
            HttpStatusCode.NotFound or HttpStatusCode.Gone => ExitCode.NotFound,
            HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed => ExitCode.Conflict,
            HttpStatusCode.GatewayTimeout or HttpStatusCode.RequestTimeout => ExitCode.TimedOut,
            HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable => ExitCode.Unreachable,
            _ => ExitCode.Failed,
        };

    private static ProblemBody? TryParse(byte[] body)
    {
        try
        {
            var problem = JsonSerializer.Deserialize<ProblemBody>(body, ManagerClient.Json);
            return problem is { Title: null, Detail: null } ? null : problem;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record ProblemBody(
        string? Title,
        string? Detail,
        [property: JsonConverter(typeof(LenientErrors))] IReadOnlyList<ProblemEntry>? Errors
    );

    private sealed record ProblemEntry(
        string? Pointer,
        string? Detail,
        string? Message,
        string? Fix,
        string? File,
        int? Line,
        int? Column
    );

    /// <summary>Reads a list of our problems; anything else under that name (ASP.NET writes a map) is flattened into messages.</summary>
    private sealed class LenientErrors : JsonConverter<IReadOnlyList<ProblemEntry>?>
    {
        public override IReadOnlyList<ProblemEntry>? Read(
            ref Utf8JsonReader reader,
            Type typeToConvert,
            JsonSerializerOptions options
        )
        {
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind switch
            {
                JsonValueKind.Array => document.RootElement.Deserialize<List<ProblemEntry>>(options),
                JsonValueKind.Object =>
                [
                    .. document
                        .RootElement.EnumerateObject()
                        .Select(p => new ProblemEntry(p.Name, p.Value.ToString(), null, null, null, null, null)),
                ],
                _ => null,
            };
        }

        public override void Write(
            Utf8JsonWriter writer,
            IReadOnlyList<ProblemEntry>? value,
            JsonSerializerOptions options
        ) => throw new NotSupportedException();
    }
}
