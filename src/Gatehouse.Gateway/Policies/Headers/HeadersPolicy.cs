using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Edits headers of requests.</summary>
internal sealed class RequestHeadersPolicy(HeaderEdits edits) : IPolicy
{
    private readonly HeaderEditing _editing = new(edits);

    public bool RunsAgain => false;

    public GatewayProblem? Apply(Exchange exchange)
    {
        _editing.Run(exchange.Request.Headers);
        return null;
    }
}

/// <summary>Edits headers of answers.</summary>
internal class AnswerHeadersPolicy(HeaderEdits edits) : IAnswerPolicy
{
    protected HeaderEditing Editing { get; } = new(edits);

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        Editing.Run(exchange.Response.Headers);
        return new((GatewayProblem?)null);
    }
}

/// <summary>Edits headers of answers and of problems.</summary>
internal sealed class AnswerAndFaultHeadersPolicy(HeaderEdits edits) : AnswerHeadersPolicy(edits), IFaultPolicy
{
    public void OnFault(Exchange exchange, GatewayProblem problem) => Editing.Run(exchange.Response.Headers);
}
