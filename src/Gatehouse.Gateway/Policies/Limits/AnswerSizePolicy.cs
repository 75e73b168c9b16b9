using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Policies;

/// <summary>Bounds answers: a declared length at once, an undeclared one while it streams; then it is cut, so that it cannot look complete.</summary>
internal sealed class AnswerSizePolicy(long most) : IAnswerPolicy
{
    private static readonly GatewayProblem s_tooLarge = new(
        502,
        "502",
        "Answer Too Large",
        "The back end's answer is larger than this API passes on."
    );

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        if (!exchange.AnswerHasBody)
        {
            return new((GatewayProblem?)null);
        }

        if (exchange.Response.Headers.ContentLength is { } length)
        {
            return new(length > most ? s_tooLarge : null);
        }

        exchange.Filter(new Meter(most));
        return new((GatewayProblem?)null);
    }

    private sealed class Meter(long most) : AnswerFilter
    {
        public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            if (Passed + piece.Length <= most)
            {
                return PassAsync(piece, cancellation);
            }

            Exchange.Refuse(s_tooLarge);
            return new(false);
        }
    }
}
