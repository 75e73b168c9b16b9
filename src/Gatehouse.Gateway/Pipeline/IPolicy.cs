namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// One thing that an operation asks of its requests or does to them. Compiled when the API is applied, shared by all
/// requests, so it keeps no state of a request and takes no lock. A policy takes part in as many steps as it names:
/// this one, <see cref="IWaitingPolicy"/>, <see cref="IAnswerPolicy"/>, <see cref="IFaultPolicy"/>.
/// </summary>
internal interface IPolicy
{
    /// <summary>
    /// Before forwarding, without waiting: lets the request pass (null), or says why not. May change the request, and may
    /// end the way by setting <see cref="Exchange.Answer"/>.
    /// </summary>
    GatewayProblem? Apply(Exchange exchange) => null;

    /// <summary>
    /// True when <see cref="Apply"/> only judges, so that an open stream is judged again by a newer table. A policy that
    /// counts, spends or changes something says false: it has done so for this request.
    /// </summary>
    bool RunsAgain => true;

    /// <summary>How a trace names it.</summary>
    string Name => PolicyNames.Of(GetType());
}

/// <summary>
/// A policy that may have to wait. For a request this step takes the place of <see cref="IPolicy.Apply"/>, which is then
/// only asked about open streams. A chain without such a policy is run without a state machine.
/// </summary>
internal interface IWaitingPolicy : IPolicy
{
    /// <summary>As <see cref="IPolicy.Apply"/>. Every wait has a bound of the policy's own.</summary>
    ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange);
}

/// <summary>
/// A policy that takes part in the answer, whoever gave it: the backend or a policy further in. Policies are shells: the
/// last of a chain sees the answer first, the first is nearest to the caller.
/// </summary>
internal interface IAnswerPolicy : IPolicy
{
    /// <summary>
    /// Status and headers are in <see cref="Exchange.Response"/>, nothing has been sent. May change them, and may put itself
    /// in the way of the body with <see cref="Exchange.Filter"/>. A problem takes the answer's place.
    /// </summary>
    ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange);
}

/// <summary>A policy that takes part when a problem is told, whoever found it.</summary>
internal interface IFaultPolicy : IPolicy
{
    /// <summary>
    /// The problem's status and headers are in <see cref="Exchange.Response"/>, nothing has been sent. May change headers, or
    /// set <see cref="Exchange.Answer"/> to have something else told.
    /// </summary>
    void OnFault(Exchange exchange, GatewayProblem problem);
}
