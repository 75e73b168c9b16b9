namespace Gatehouse.Gateway;

/// <summary>
/// What is told of one request to those who count usage: WSO2's analytics fields, but for the caller's address, browser and
/// user, which nobody needs to count.
/// </summary>
/// <param name="At">When it began.</param>
/// <param name="Api">The API's entity name.</param>
/// <param name="Operation">Method and path template; empty where none was found.</param>
/// <param name="Application">The application's id; empty for a caller that has none.</param>
/// <param name="Sandbox">The key is for the sandbox.</param>
/// <param name="Status">What the caller got; 0 when it went away.</param>
/// <param name="Fault">Whose fault it was.</param>
/// <param name="Code">WSO2's code of the fault; 0 for none.</param>
/// <param name="Duration">From the request's head to the end of its answer.</param>
/// <param name="Backend">Of these, from the hand-over to the backend on.</param>
/// <param name="BytesIn">Of the request's body.</param>
/// <param name="BytesOut">Of the answer's body.</param>
/// <param name="CacheHit">The gateway's memory answered.</param>
/// <param name="Destination">The backend's address; empty for none.</param>
/// <param name="RequestId">Names the request in logs.</param>
public readonly record struct RequestEvent(
    DateTimeOffset At,
    string Api,
    string Operation,
    string Application,
    bool Sandbox,
    int Status,
    FaultCategory Fault,
    int Code,
    TimeSpan Duration,
    TimeSpan Backend,
    long BytesIn,
    long BytesOut,
    bool CacheHit,
    string Destination,
    string RequestId
);

/// <summary>WSO2's categories of faults, by their codes. Append only.</summary>
public enum FaultCategory
{
    /// <summary>There was none.</summary>
    None,

    /// <summary>900900 to 901000.</summary>
    Authentication,

    /// <summary>900800 to 900900.</summary>
    Throttling,

    /// <summary>101500 to 101600, and what else is the backend's.</summary>
    Target,

    /// <summary>Any other.</summary>
    Other,
}
