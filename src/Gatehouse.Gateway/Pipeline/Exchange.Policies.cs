using System.IO.Pipelines;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Throttling;
using Gatehouse.Gateway.Tracing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>What policies do with a request and its answer. A request whose route has no such policy pays for none of it.</summary>
internal sealed partial class Exchange
{
    private string? _method;
    private string? _target;
    private int _targetPathLength;
    private PipeWriter? _answerBody;
    private List<AnswerFilter>? _filters;
    private List<(object Owner, IDisposable State)>? _kept;

    /// <summary>An answer that a policy gives by itself; the request is then not forwarded.</summary>
    public Answer? Answer { get; set; }

    /// <summary>Where in the chain the policy stands that set <see cref="Answer"/>: those before it see the answer.</summary>
    public int AnsweredBy { get; set; }

    /// <summary>The header in which the gateway proves itself to the backend; null when it does not.</summary>
    public string? CredentialHeader { get; private set; }

    /// <summary>That header's value, in the place of any of the caller's.</summary>
    public string? CredentialValue { get; private set; }

    /// <summary>Proves the gateway to the backend.</summary>
    public void UseCredential(string header, string value) => (CredentialHeader, CredentialValue) = (header, value);

    /// <summary>Why the answer that came may not be passed on.</summary>
    public GatewayProblem? AnswerRefusal { get; private set; }

    /// <summary>The methods that the resource has; set by routing when the request's is none of them.</summary>
    public IEnumerable<string> AllowedMethods { get; set; } = [];

    /// <summary>The method that goes out; the caller's unless a policy says otherwise.</summary>
    public string OutgoingMethod
    {
        get => _method ?? Request.Method;
        set => _method = value;
    }

    /// <summary>The path after the API's context and the query that go out: the caller's, byte for byte, unless rewritten.</summary>
    public ReadOnlySpan<char> OutgoingTarget => _target ?? Request.RawTarget.AsSpan(ResourceStart);

    /// <summary>The path of <see cref="OutgoingTarget"/>.</summary>
    public ReadOnlySpan<char> OutgoingPath => _target is null ? Resource : _target.AsSpan(0, _targetPathLength);

    /// <summary>The query of <see cref="OutgoingTarget"/> with its question mark, or nothing.</summary>
    public ReadOnlySpan<char> OutgoingQuery =>
        _target is null ? Target.Query(Request.RawTarget) : _target.AsSpan(_targetPathLength);

    /// <summary>True when the answer's status and the request's method let it have a body (RFC 9110 §6.4.1).</summary>
    public bool AnswerHasBody => Request.Method != "HEAD" && Response.StatusCode is not (204 or 304);

    /// <summary>Where the body of the answer is written. Valid after <see cref="BeginAnswerAsync"/>.</summary>
    public PipeWriter AnswerBody => _answerBody ?? ResponseBody.Writer;

    /// <summary>True when filters stand between whoever answers and the caller.</summary>
    public bool IsFiltered => _filters is { Count: > 0 };

    /// <summary>
    /// Gives the request another path and query. They pass the judge that the caller's passed: a policy cannot make a path
    /// that two parsers read differently. Says why it may not; the request is then as before.
    /// </summary>
    /// <param name="path">Begins with '/'.</param>
    /// <param name="query">Empty, or begins with '?'.</param>
    public PathRefusal RewriteTarget(ReadOnlySpan<char> path, ReadOnlySpan<char> query)
    {
        var target = string.Concat(path, query);
        var verdict = RequestPath.Judge(target);
        if (verdict.Form != TargetForm.Origin || verdict.PathLength != path.Length)
        {
            return verdict.Refusal == PathRefusal.None ? PathRefusal.NotATarget : verdict.Refusal;
        }

        if (verdict.Under(Route!.Paths) is var refusal and not PathRefusal.None)
        {
            return refusal;
        }

        _target = target;
        _targetPathLength = path.Length;
        return PathRefusal.None;
    }

    /// <summary>
    /// Reads the whole request body, once, up to <paramref name="most"/> bytes, into <see cref="Buffered"/>; upstreams send it
    /// from there. Says what went wrong.
    /// </summary>
    public async ValueTask<GatewayProblem?> ReadBodyAsync(int most)
    {
        if (Buffered is { } already)
        {
            return already.Content.Length > most ? GatewayProblem.BodyTooLarge : null;
        }

        if (!HasBody)
        {
            return null;
        }

        if (Request.Headers.ContentLength > most)
        {
            return GatewayProblem.BodyTooLarge;
        }

        Deadline.Begin(Lifetime.RequestAborted);
        try
        {
            var reader = Features.GetRequiredFeature<IRequestBodyPipeFeature>().Reader;
            Buffered = await ReplayableBody.ReadAsync(reader, most, this).ConfigureAwait(false);
            BytesIn = Buffered?.Content.Length ?? most;
            return Buffered is null ? GatewayProblem.BodyTooLarge : null;
        }
        catch (BadHttpRequestException bad)
        {
            return bad.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? GatewayProblem.BodyTooLarge
                : GatewayProblem.BrokenBody;
        }
        catch (OperationCanceledException) when (!CallerGone)
        {
            return GatewayProblem.CallerSilent;
        }
        finally
        {
            Deadline.End();
        }
    }

    /// <summary>Puts another body in the place of the one that came.</summary>
    public void ReplaceBody(ReadOnlyMemory<byte> content)
    {
        Buffered = new(content);
        Request.Headers.ContentLength = content.Length;
    }

    /// <summary>
    /// Called by whoever answers when status and headers are in <see cref="Response"/>, before the first byte of the body.
    /// The body then goes to <see cref="AnswerBody"/>. Costs nothing on a route whose policies leave answers alone.
    /// </summary>
    public ValueTask BeginAnswerAsync()
    {
        RateLimitHeaders.Write(this);
        return Trace is not null ? RunAnswerPoliciesTracedAsync(Trace)
            : Route!.TouchesAnswers ? RunAnswerPoliciesAsync()
            : ValueTask.CompletedTask;
    }

    /// <summary>Called when the answer is complete: filters pass on what they hold.</summary>
    public ValueTask EndAnswerAsync() =>
        IsFiltered || AnswerRefusal is not null ? EndFiltersAsync() : ValueTask.CompletedTask;

    /// <summary>Puts a filter in the way of the answer's body.</summary>
    /// <param name="filter">One of this answer's own.</param>
    /// <param name="keepsLength">True when it passes on as many bytes as it is given; otherwise the length is unknown here.</param>
    public void Filter(AnswerFilter filter, bool keepsLength = false)
    {
        (_filters ??= []).Add(filter);
        if (!keepsLength)
        {
            Response.Headers.ContentLength = null;
        }
    }

    /// <summary>Keeps something of a policy's until the request ends, complete or not; then it is disposed of.</summary>
    public void Keep(object owner, IDisposable state) => (_kept ??= []).Add((owner, state));

    /// <summary>What <paramref name="owner"/> kept; null when nothing.</summary>
    public T? Kept<T>(object owner)
        where T : class
    {
        foreach (var (kept, state) in _kept ?? [])
        {
            if (ReferenceEquals(kept, owner))
            {
                return (T)state;
            }
        }

        return null;
    }

    // Last of all, so that no policy and nothing kept has the trace in it.
    private async ValueTask RunAnswerPoliciesTracedAsync(RequestTrace trace)
    {
        trace.Mark();
        await RunAnswerPoliciesAsync().ConfigureAwait(false);
        trace.Tell(this);
    }

    private async ValueTask RunAnswerPoliciesAsync()
    {
        // A second attempt begins its answer anew.
        ReleaseFilters();
        var policies = Route!.Policies;
        for (var i = (Answer is null ? policies.Length : AnsweredBy) - 1; i >= 0; i--)
        {
            if (policies[i] is not IAnswerPolicy policy)
            {
                continue;
            }

            var problem = await policy.OnAnswerAsync(this).ConfigureAwait(false);
            Trace?.SawAnswer(policy, problem);
            if (problem is not null)
            {
                Refuse(problem);
                return;
            }
        }

        // The filter that was added first is nearest to whoever answers.
        var next = ResponseBody.Writer;
        for (var i = (_filters?.Count ?? 0) - 1; i >= 0; i--)
        {
            _filters![i].Join(this, next);
            next = _filters[i].Input;
            _answerBody = next;
        }
    }

    private async ValueTask EndFiltersAsync()
    {
        if (AnswerRefusal is not null)
        {
            return;
        }

        foreach (var filter in _filters!)
        {
            await filter.Input.FlushAsync(Lifetime.RequestAborted).ConfigureAwait(false);
            if (
                AnswerRefusal is not null
                || await filter.CompleteAsync(Lifetime.RequestAborted).ConfigureAwait(false) is { } problem
                    && Refuse(problem)
            )
            {
                return;
            }
        }

        BytesOut = _filters[^1].Passed;
    }

    /// <summary>Puts a problem in the place of the answer; what is still written of it is dropped. Always true.</summary>
    public bool Refuse(GatewayProblem problem)
    {
        AnswerRefusal ??= problem;
        ReleaseFilters();
        var nowhere = new Nowhere();
        nowhere.Join(this, ResponseBody.Writer);
        _answerBody = nowhere.Input;
        return true;
    }

    /// <summary>Another answer takes the refused one's place.</summary>
    public void ForgetRefusal()
    {
        AnswerRefusal = null;
        ReleaseFilters();
    }

    private void ReleaseFilters()
    {
        foreach (var filter in _filters ?? [])
        {
            filter.Release();
        }

        _filters?.Clear();
        _answerBody = null;
    }

    private void BeginPolicies()
    {
        _method = null;
        _target = null;
        _targetPathLength = 0;
        CredentialHeader = null;
        CredentialValue = null;
        Answer = null;
        AnsweredBy = 0;
        AnswerRefusal = null;
    }

    private void EndPolicies()
    {
        Answer = null;
        _target = null;
        CredentialHeader = null;
        CredentialValue = null;
        if (_filters is not null)
        {
            ReleaseFilters();
        }

        _answerBody = null;
        if (_kept is null)
        {
            return;
        }

        foreach (var (_, state) in _kept)
        {
            state.Dispose();
        }

        _kept = null;
    }

    /// <summary>Where an answer goes that nobody may see.</summary>
    private sealed class Nowhere : AnswerFilter
    {
        public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
            new(false);
    }
}
