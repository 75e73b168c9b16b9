using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>The text is no document at all; reading stopped at the first problem, because what follows it means nothing.</summary>
internal sealed class DocumentException(Problem problem) : Exception(problem.Message)
{
    public Problem Problem { get; } = problem;

    public DocumentException(string message, int line, int column, string? fix = null, string pointer = "")
        : this(new Problem(pointer, message, fix, null, line, column)) { }
}
