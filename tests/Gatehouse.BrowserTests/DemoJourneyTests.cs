namespace Gatehouse.BrowserTests;

/// <summary>The journeys, in the cluster that <c>gatehouse demo</c> starts.</summary>
public sealed class DemoJourneyTests(DemoPortal portal) : JourneyTests(portal);
