using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Balancer;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Routing;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Gateway.Tracing;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// One request and its answer on the way through the gateway. Kept per connection and used again, so that a request costs
/// no new objects; <see cref="Begin"/> forgets all of the one before.
/// </summary>
internal sealed partial class Exchange
{
    // The server's objects are the same for every request of an HTTP/1 connection; asking for them again costs a search.
    public IFeatureCollection Features { get; set; } = null!;
    public IHttpRequestFeature Request { get; private set; } = null!;
    public IHttpResponseFeature Response { get; private set; } = null!;
    public IHttpResponseBodyFeature ResponseBody { get; private set; } = null!;
    public IHttpRequestLifetimeFeature Lifetime { get; private set; } = null!;
    public IHttpConnectionFeature? Connection { get; private set; }

    /// <summary>Where the connection lives; null on stock sockets.</summary>
    public Loop? Loop { get; private set; }

    public Caller Caller { get; } = new();
    public Deadline Deadline { get; } = new();

    /// <summary>What the connection's callers show, by digest.</summary>
    public LastShown Shown => _shown ??= new();

    /// <summary>How slowly the caller may send its body.</summary>
    public BodyPace Pace { get; } = new();

    /// <summary>What limits took.</summary>
    public Charges Charges { get; } = new();

    private IFeatureCollection? _lookedAt;
    private IHttpRequestBodyDetectionFeature? _bodyDetection;
    private LastShown? _shown;
    private ConnectionNotes? _notes;

    // Set by the pipeline.
    public TableSnapshot Snapshot { get; private set; } = null!;

    /// <summary>The newest table whose policies the request is known to pass.</summary>
    public TableSnapshot AdmittedBy { get; set; } = null!;
    public DateTimeOffset Now { get; private set; }
    public long StartedAt { get; private set; }
    public string RequestId { get; set; } = "";

    /// <summary>What the node had applied when the table was taken; only for callers that may know, else null.</summary>
    public long? Epoch { get; private set; }

    /// <summary>What becomes of the request, for a caller that may know and asked; else null.</summary>
    public RequestTrace? Trace { get; set; }

    /// <summary>Its span, while somebody collects them.</summary>
    public Activity? Span { get; set; }
    public PathVerdict Target { get; set; }
    public TrafficTimeouts Timeouts { get; set; } = null!;

    /// <summary>A balancer sent it to another worker before, where it was charged.</summary>
    public bool IsReplay { get; set; }

    // Set by routing.
    public CompiledRoute? Route { get; set; }

    /// <summary>The caller gets the revision that only some get.</summary>
    public bool IsCanary { get; set; }
    public ConsumerDirectory Consumers { get; set; } = ConsumerDirectory.Empty;
    public LimitTable Limits { get; set; } = LimitTable.Empty;

    /// <summary>Where in the raw target the part begins that goes to the backend.</summary>
    public int ResourceStart { get; set; }

    /// <summary>What a balancer's rules ask for the name and path; null where none do.</summary>
    public HostBehaviour? Behaviour { get; set; }

    // Set by policies.
    public ConsumerKey? Key { get; set; }
    public Consumer? Application { get; set; }
    public AccessToken? Token { get; set; }

    /// <summary>The certificate that was shown beside, or instead of, another credential.</summary>
    public ConsumerKey? Certificate { get; set; }

    /// <summary>When what the caller came in with ends; a stream ends with it.</summary>
    public DateTimeOffset AdmittedUntil { get; set; }

    /// <summary>True when an open stream is checked again: <see cref="Key"/> and <see cref="Token"/> are what it came in with.</summary>
    public bool IsSecondLook { get; private set; }

    public SubscriptionLimits? Subscription { get; set; }

    /// <summary>The operation as limits know it.</summary>
    public ThrottlePolicy? Throttle { get; set; }

    // Set by forwarding.
    public Target? Chosen { get; set; }
    public Target? CameWithCookieOf { get; set; }
    public int Attempts { get; set; }

    /// <summary>When it was handed over to the backend; 0 when it was not, or nobody asks.</summary>
    public long ForwardedAt { get; set; }

    /// <summary>The gateway's memory answers.</summary>
    public bool IsCacheHit { get; set; }

    /// <summary>This balancer sends it a second time to what may have had it already.</summary>
    public bool IsSentAgain { get; set; }
    public ReplayableBody? Buffered { get; set; }
    public ForwardingOutcome Outcome { get; set; }
    public GatewayProblem? Problem { get; set; }
    public long BytesIn { get; set; }
    public long BytesOut { get; set; }

    public bool IsHttp1 => Request.Protocol.StartsWith("HTTP/1", StringComparison.Ordinal);

    /// <summary>The method that routes are found by: a WebSocket over HTTP/2 is the GET it would be over HTTP/1.1.</summary>
    public string Method =>
        Request.Method == "CONNECT" && Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true }
            ? "GET"
            : Request.Method;

    public bool HasBody => _bodyDetection is { CanHaveBody: true };

    public bool CallerGone => Lifetime.RequestAborted.IsCancellationRequested;

    /// <summary>The path as it was sent, from the point where the API's context ends.</summary>
    public ReadOnlySpan<char> Resource =>
        Request.RawTarget.AsSpan(ResourceStart, Target.PathStart + Target.PathLength - ResourceStart);

    [MemberNotNull(nameof(Request), nameof(Response), nameof(ResponseBody), nameof(Lifetime))]
    public void Begin(IFeatureCollection features, TableSnapshot snapshot, DateTimeOffset now, long timestamp)
    {
        Features = features;
        Look(features);
        Snapshot = snapshot;
        AdmittedBy = snapshot;
        Now = now;
        StartedAt = timestamp;
        Epoch = null;
        Trace = null;
        Span = null;
        Target = default;
        Route = null;
        IsCanary = false;
        Consumers = ConsumerDirectory.Empty;
        Limits = LimitTable.Empty;
        IsReplay = false;
        ResourceStart = 0;
        Behaviour = null;
        Key = null;
        Application = null;
        Token = null;
        Certificate = null;
        AdmittedUntil = DateTimeOffset.MaxValue;
        Subscription = null;
        Throttle = null;
        Charges.Clear();
        Pace.Begin();
        Chosen = null;
        CameWithCookieOf = null;
        Attempts = 0;
        ForwardedAt = 0;
        IsCacheHit = false;
        IsSentAgain = false;
        Buffered = null;
        Outcome = ForwardingOutcome.NotForwarded;
        Problem = null;
        BytesIn = 0;
        BytesOut = 0;
        BeginPolicies();
    }

    /// <summary>Another connection may come next, or the same with other objects.</summary>
    public void Forget()
    {
        _lookedAt = null;
        _shown?.Forget();
    }

    [MemberNotNull(nameof(Request), nameof(Response), nameof(ResponseBody), nameof(Lifetime))]
    private void Look(IFeatureCollection features)
    {
        if (!ReferenceEquals(_lookedAt, features))
        {
            _lookedAt = features;
            Request = features.GetRequiredFeature<IHttpRequestFeature>();
            Response = features.GetRequiredFeature<IHttpResponseFeature>();
            ResponseBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
            Lifetime = features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
            Connection = features.Get<IHttpConnectionFeature>();
            _bodyDetection = features.Get<IHttpRequestBodyDetectionFeature>();
            _notes = features.Get<ConnectionNotes>();
            Loop = features.Get<Loop>();
        }

#pragma warning disable CS8774 // They are set since the collection was looked at.
    }
#pragma warning restore CS8774

    /// <summary>Gives <c>Connection</c> back what the server's parser took from it. Once for each request.</summary>
    public void RestoreConnection()
    {
        if (_notes?.Next() is { } said)
        {
            Request.Headers.Connection = said;

            // Kestrel overlooks a close that stands beside a tab, and the caller would wait for the end until it is idle for long.
            if (HopByHop.IsNamedBy(said, "close"))
            {
                Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            }
        }
    }

    /// <summary>Takes a table that holds everything up to <paramref name="epoch"/> and tells the caller so.</summary>
    public void TakeAt(long epoch, TableSnapshot snapshot)
    {
        Epoch = epoch;
        Snapshot = snapshot;
        AdmittedBy = snapshot;
    }

    /// <summary>Writes what the caller may know of this node into the answer.</summary>
    public void TellEpoch()
    {
        if (Epoch is { } epoch)
        {
            Response.Headers[HeaderNames.Epoch] = epoch.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Lets go of what must not outlive the request.</summary>
    public void End()
    {
        EndStream();
        EndPolicies();
        Trace = null;
        Buffered = null;
        Snapshot = null!;
        AdmittedBy = null!;
        Route = null;
        Consumers = ConsumerDirectory.Empty;
        Limits = LimitTable.Empty;
        Behaviour = null;
        Key = null;
        Application = null;
        Token = null;
        Certificate = null;
        Subscription = null;
        Throttle = null;
        Charges.Clear();
        Chosen = null;
    }

    /// <summary>Takes over who called, to be checked once more.</summary>
    public void LookAgain(Exchange first)
    {
        IsSecondLook = true;
        IsCanary = first.IsCanary;
        Target = first.Target;
        Key = first.Key;
        Token = first.Token;
        Certificate = first.Certificate;
        Caller.CopyFrom(first.Caller);
    }
}
