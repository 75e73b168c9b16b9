using System.Collections.Immutable;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Portal.Kit;

/// <summary>Why something was not done, as a page tells it.</summary>
/// <param name="Title">What is wrong, one line.</param>
/// <param name="Fix">What to do about it.</param>
/// <param name="Problems">Each single fault with its place.</param>
public sealed record Failure(string Title, string? Fix, ImmutableArray<Problem> Problems)
{
    /// <summary>True for what a user's wish can meet; anything else is a fault of the manager's and is logged as one.</summary>
    public static bool IsExpected(Exception exception) =>
        exception
            is ProblemsException
                or NotFoundException
                or ForbiddenException
                or ApiRightException
                or ConflictException
                or EntityConflictException
                or EntityTooLargeException
                or Microsoft.AspNetCore.Antiforgery.AntiforgeryValidationException
                or Microsoft.AspNetCore.Http.BadHttpRequestException;

    /// <summary>True when the catalogue's database did not answer: its driver says so, or it could not be reached.</summary>
    public static bool IsOfTheDatabase(Exception? exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is System.Data.Common.DbException)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The failure an expected exception stands for.</summary>
    public static Failure Of(Exception exception) =>
        exception switch
        {
            ProblemsException { Problems: [var one] } => new(one.Message, one.Fix, one.Line > 0 ? [one] : []),
            ProblemsException many => new($"{many.Problems.Length} problems were found", null, many.Problems),
            ConflictException conflict => new(conflict.Message, conflict.Fix, []),
            ApiRightException => new(exception.Message, ApiRightException.Fix, []),
            EntityConflictException conflict => new(
                conflict.Message,
                "Somebody changed it while you were looking. Nothing of yours was saved: reload the page and do it again.",
                []
            ),
            _ => new(exception.Message, null, []),
        };
}
