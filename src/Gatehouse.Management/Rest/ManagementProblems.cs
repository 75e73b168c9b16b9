using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Model;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>A problem document (RFC 9457) of the management API.</summary>
/// <param name="Type">Names the sort of problem; <c>about:blank</c> when the status says it.</param>
/// <param name="Title">What is wrong, one line.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">More, and what to do.</param>
/// <param name="Errors">Each single fault with its place.</param>
public sealed record ProblemDocument(
    string Type,
    string Title,
    int Status,
    string? Detail,
    ImmutableArray<Problem>? Errors = null
);

/// <summary>The one place where failures become answers. No stack trace and no secret leaves through it.</summary>
public sealed partial class ManagementProblems(ILogger<ManagementProblems> logger) : IExceptionHandler
{
    /// <summary>404 for a thing that is not there.</summary>
    public static JsonHttpResult<ProblemDocument> NotFound(string kind, string name) =>
        Problem(StatusCodes.Status404NotFound, $"There is no {kind} '{name}'", null);

    /// <summary>400 with every fault.</summary>
    public static JsonHttpResult<ProblemDocument> Invalid(ImmutableArray<Problem> problems) =>
        Problem(
            StatusCodes.Status400BadRequest,
            problems.Length == 1 ? problems[0].Message : $"{problems.Length} problems were found",
            problems.Length == 1 ? problems[0].Fix : null,
            problems
        );

    /// <summary>Any other failure.</summary>
    public static JsonHttpResult<ProblemDocument> Problem(
        int status,
        string title,
        string? detail,
        ImmutableArray<Problem>? errors = null
    ) =>
        TypedResults.Json(
            new ProblemDocument("about:blank", title, status, detail, errors),
            ManagementJson.Default.ProblemDocument,
            "application/problem+json",
            status
        );

    /// <inheritdoc/>
    public async ValueTask<bool> TryHandleAsync(
        HttpContext httpContext,
        Exception exception,
        CancellationToken cancellationToken
    )
    {
        await Answer(httpContext, exception).ExecuteAsync(httpContext).ConfigureAwait(false);
        return true;
    }

    private JsonHttpResult<ProblemDocument> Answer(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case ProblemsException invalid:
                return Invalid(invalid.Problems);
            case NotFoundException:
                return Problem(StatusCodes.Status404NotFound, exception.Message, null);
            case ApiRightException:
                return Problem(StatusCodes.Status403Forbidden, exception.Message, ApiRightException.Fix);
            case ConflictException contradiction:
                return Problem(StatusCodes.Status409Conflict, contradiction.Message, contradiction.Fix);
            case EntityConflictException conflict:
                // 412 when the caller named the state it knew in If-Match, 409 when somebody was faster all the same.
                return Problem(
                    context.Request.Headers.IfMatch.Count > 0
                        ? StatusCodes.Status412PreconditionFailed
                        : StatusCodes.Status409Conflict,
                    conflict.Message,
                    null
                );
            case EntityTooLargeException:
                return Problem(StatusCodes.Status413PayloadTooLarge, exception.Message, null);
            case BadHttpRequestException { InnerException: JsonException json }:
                return Invalid([Fault(json)]);
            case JsonException json:
                return Invalid([Fault(json)]);
            case BadHttpRequestException bad:
                return Problem(bad.StatusCode, bad.Message, null);
            case CommitInDoubtException:
                LogTrouble(exception.Message);
                return Problem(
                    StatusCodes.Status503ServiceUnavailable,
                    exception.Message,
                    "It may or may not have been made: read what it was about before trying again."
                );
            case Exception when CatalogueDatabase.TroubleOf(exception) is { } trouble:
                LogTrouble($"{trouble.Title}: {trouble.Detail}");
                return Problem(
                    StatusCodes.Status503ServiceUnavailable,
                    trouble.Title,
                    "Nothing was changed. Workers serve on. Try again in a moment; the manager's log says more."
                );
            default:
                LogFailed(exception, context.Request.Method, context.Request.Path, context.TraceIdentifier);
                return Problem(
                    StatusCodes.Status500InternalServerError,
                    "The manager failed to answer",
                    $"Its log says why, under request {context.TraceIdentifier}."
                );
        }
    }

    private static Problem Fault(JsonException json) =>
        new(
            Pointer(json.Path),
            json.InnerException?.Message ?? json.Message.Split(" Path:")[0],
            null,
            null,
            (int)(json.LineNumber ?? -1) + 1,
            json.LineNumber is null ? 0 : (int)(json.BytePositionInLine ?? 0) + 1
        );

    // System.Text.Json says $.a.b[0]; a JSON pointer is /a/b/0.
    private static string Pointer(string? path) =>
        path is null ? "" : path.TrimStart('$').Replace("[", "/").Replace("]", "").Replace('.', '/');

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed (request {Request})")]
    private partial void LogFailed(Exception exception, string method, string path, string request);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A request was refused: {Trouble}")]
    private partial void LogTrouble(string trouble);
}
