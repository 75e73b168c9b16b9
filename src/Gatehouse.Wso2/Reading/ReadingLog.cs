using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>Collects what is found while old files are read, in the order of the files.</summary>
public sealed class ReadingLog
{
    private readonly List<Finding> _findings = [];
    private readonly List<Problem> _problems = [];

    /// <summary>One for everything that was read.</summary>
    public IReadOnlyList<Finding> Findings => _findings;

    /// <summary>Files that could not be read, and values that cannot be meant.</summary>
    public IReadOnlyList<Problem> Problems => _problems;

    /// <summary>Adds one.</summary>
    public void Add(Finding finding) => _findings.Add(finding);

    /// <summary>Adds one.</summary>
    public void Add(Problem problem) => _problems.Add(problem);

    /// <summary>Adds one at a place.</summary>
    public void Problem(Place place, string element, string message, string? fix = null) =>
        _problems.Add(new Problem(element, message, fix, place.File, place.Line, place.Column));
}
