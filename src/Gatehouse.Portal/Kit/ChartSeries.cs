namespace Gatehouse.Portal.Kit;

/// <summary>One quantity of a chart.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Class"><c>s-ok</c>, <c>s-client</c>, <c>s-throttled</c>, <c>s-server</c>, <c>s-1</c> to <c>s-4</c>.</param>
/// <param name="Values">At each place.</param>
public sealed record ChartSeries(string Name, string Class, IReadOnlyList<double> Values);
