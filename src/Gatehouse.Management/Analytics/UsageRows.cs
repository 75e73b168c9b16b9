namespace Gatehouse.Management;

/// <summary>How much time a row of usage covers. Append only.</summary>
public enum UsagePeriod
{
    /// <summary>A minute.</summary>
    Minute = 1,

    /// <summary>An hour.</summary>
    Hour = 2,

    /// <summary>A day of UTC.</summary>
    Day = 3,
}

/// <summary>What was used within one period: figures that add up, whatever nodes they came from.</summary>
public abstract class UsageFigures
{
    /// <summary>How long it covers.</summary>
    public UsagePeriod Period { get; set; }

    /// <summary>When that begins.</summary>
    public DateTimeOffset At { get; set; }

    /// <summary>The API's entity name.</summary>
    public required string Api { get; set; }

    /// <summary>How many requests.</summary>
    public long Requests { get; set; }

    /// <summary>Of these, answered below 400.</summary>
    public long Succeeded { get; set; }

    /// <summary>Of these, answered 400 to 499.</summary>
    public long ClientErrors { get; set; }

    /// <summary>Of these, answered 500 and above.</summary>
    public long ServerErrors { get; set; }

    /// <summary>Of these, turned away for want of a credential or right.</summary>
    public long Unauthenticated { get; set; }

    /// <summary>Of these, turned away by limits.</summary>
    public long Throttled { get; set; }

    /// <summary>Of these, failed by the backend.</summary>
    public long TargetFaults { get; set; }

    /// <summary>Of these, answered from the gateway's memory.</summary>
    public long CacheHits { get; set; }

    /// <summary>Bytes of request bodies.</summary>
    public long BytesIn { get; set; }

    /// <summary>Bytes of answer bodies.</summary>
    public long BytesOut { get; set; }

    /// <summary>All durations together, in microseconds.</summary>
    public long Micros { get; set; }

    /// <summary>Of these, spent on backends.</summary>
    public long BackendMicros { get; set; }

    /// <summary>How long requests took: a <see cref="LatencySketch"/>.</summary>
    public byte[] Latencies { get; set; } = [];

    /// <summary>How long backends took, of requests that reached one; empty in rows of an older build.</summary>
    public byte[] BackendLatencies { get; set; } = [];

    /// <summary>How long gateways took, without the backend; empty in rows of an older build.</summary>
    public byte[] GatewayLatencies { get; set; } = [];

    internal void Add(UsageFigures other)
    {
        Requests += other.Requests;
        Succeeded += other.Succeeded;
        ClientErrors += other.ClientErrors;
        ServerErrors += other.ServerErrors;
        Unauthenticated += other.Unauthenticated;
        Throttled += other.Throttled;
        TargetFaults += other.TargetFaults;
        CacheHits += other.CacheHits;
        BytesIn += other.BytesIn;
        BytesOut += other.BytesOut;
        Micros += other.Micros;
        BackendMicros += other.BackendMicros;
    }
}

/// <summary>What was used of one operation by one application.</summary>
public sealed class UsageRow : UsageFigures
{
    /// <summary>Method and path template; empty where none was found.</summary>
    public required string Operation { get; set; }

    /// <summary>The application's id; empty for callers that have none.</summary>
    public required string Application { get; set; }

    /// <summary>Used with sandbox keys.</summary>
    public bool Sandbox { get; set; }
}

/// <summary>What one worker answered of one API. Kept beside <see cref="UsageRow"/>, whose rows would be as many times more as there are workers.</summary>
public sealed class UsageNodeRow : UsageFigures
{
    /// <summary>The worker, by its certificate.</summary>
    public required string Node { get; set; }
}

/// <summary>Up to where a worker's stream of events was taken.</summary>
public sealed class UsageStreamRow
{
    /// <summary>One life of one worker's process.</summary>
    public required string Stream { get; set; }

    /// <summary>The worker, by its certificate.</summary>
    public required string Node { get; set; }

    /// <summary>The last batch that was taken.</summary>
    public long Sequence { get; set; }

    /// <summary>Events the worker lost.</summary>
    public long Dropped { get; set; }

    /// <summary>When the last batch came.</summary>
    public DateTimeOffset At { get; set; }
}

/// <summary>The one row that whoever takes a batch locks first.</summary>
public sealed class UsageHeadRow
{
    /// <summary>Always 1.</summary>
    public int Id { get; set; } = 1;

    /// <summary>Batches taken.</summary>
    public long Batches { get; set; }
}
