namespace Gatehouse.Portal.Kit;

/// <summary>A moment worth knowing when a chart is read: a line across it.</summary>
/// <param name="Place">Which place of the chart.</param>
/// <param name="Text">What happened.</param>
public sealed record ChartMark(int Place, string Text);
