using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Management.OpenApi;

/// <summary>Problems of one document as they are found, bounded, with the way down to the node being looked at.</summary>
internal sealed class ProblemList
{
    private readonly Stack<string> _way = new();
    private readonly List<Problem> _problems = [];
    private readonly List<Problem> _warnings = [];
    private int _unlisted;

    public bool HasProblems => _problems.Count > 0;

    /// <summary>In the order of lines, which is the order a person mends them in.</summary>
    public ImmutableArray<Problem> Problems
    {
        get
        {
            var sorted = Sorted(_problems);
            return _unlisted == 0
                ? sorted
                : sorted.Add(new("", $"There are {_unlisted} more problems", "mend these first and import again"));
        }
    }

    public ImmutableArray<Problem> Warnings => Sorted(_warnings);

    public void Down(string name) => _way.Push(name);

    public void Up() => _way.Pop();

    /// <summary>Something that makes the document unfit.</summary>
    public void Add(DocumentNode at, string message, string? fix = null, string? name = null) =>
        Add(at.Line, at.Column, message, fix, name);

    public void Add(int line, int column, string message, string? fix = null, string? name = null)
    {
        if (_problems.Count < DocumentLimits.MaxProblems)
        {
            _problems.Add(new(Pointer(name), message, fix, null, line, column));
        }
        else
        {
            _unlisted++;
        }
    }

    /// <summary>Something that is wrong but changes nothing for the gateway.</summary>
    public void Warn(DocumentNode at, string message, string? fix = null, string? name = null)
    {
        if (_warnings.Count < DocumentLimits.MaxProblems)
        {
            _warnings.Add(new(Pointer(name), message, fix, null, at.Line, at.Column));
        }
    }

    private string Pointer(string? name)
    {
        var names = _way.Reverse();
        return string.Concat((name is null ? names : names.Append(name)).Select(n => "/" + JsonPointer.Escape(n)));
    }

    private static ImmutableArray<Problem> Sorted(List<Problem> problems) =>
        [.. problems.OrderBy(p => p.Line).ThenBy(p => p.Column)];
}
