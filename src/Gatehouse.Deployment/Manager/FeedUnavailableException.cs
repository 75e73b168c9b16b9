namespace Gatehouse.Deployment.Manager;

/// <summary>An <see cref="IFeedSource"/> has nothing it could vouch for: a peer without a table, or with one no manager confirmed.</summary>
public sealed class FeedUnavailableException(string message) : Exception(message);
