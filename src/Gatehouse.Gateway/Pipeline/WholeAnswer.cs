using System.Buffers;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>Holds an answer until it is complete, up to a bound, and then puts what a policy makes of it in its place.</summary>
internal abstract class WholeAnswer(int most, GatewayProblem tooLarge) : AnswerFilter
{
    private readonly ArrayBufferWriter<byte> _held = new();

    public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        if (_held.WrittenCount + piece.Length > most)
        {
            Exchange.Refuse(tooLarge);
            return new(false);
        }

        _held.Write(piece.Span);
        return new(true);
    }

    public override async ValueTask<GatewayProblem?> CompleteAsync(CancellationToken cancellation)
    {
        var (body, problem) = await TurnAsync(_held.WrittenMemory).ConfigureAwait(false);
        if (problem is not null)
        {
            return problem;
        }

        Exchange.Response.Headers.ContentLength = body.Length;
        if (!body.IsEmpty && Exchange.AnswerHasBody)
        {
            await PassAsync(body, cancellation).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>Makes the new body; headers may still be changed. A problem takes the answer's place.</summary>
    protected abstract ValueTask<(ReadOnlyMemory<byte> Body, GatewayProblem? Problem)> TurnAsync(
        ReadOnlyMemory<byte> whole
    );
}
