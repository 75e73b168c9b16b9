namespace Gatehouse.Wso2;

/// <summary>What the start command of an old node says beside its files.</summary>
public sealed record HomeOptions
{
    /// <summary>True when the node serves API traffic and writes nothing; what some switches mean depends on it.</summary>
    public bool IsWorker { get; init; }

    /// <summary><c>-DportOffset</c>, which wins over carbon.xml.</summary>
    public int? PortOffset { get; init; }
}
