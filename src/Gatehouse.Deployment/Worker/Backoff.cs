namespace Gatehouse.Deployment.Worker;

/// <summary>Waits that double, each spread over its upper half so that nodes do not come back in step.</summary>
internal sealed class Backoff(TimeSpan shortest, TimeSpan longest, Random random)
{
    private int _doublings;

    public TimeSpan Next()
    {
        var whole = shortest * (1 << _doublings);
        if (whole < longest)
        {
            _doublings++;
        }
        else
        {
            whole = longest;
        }

        return whole * (0.5 + (random.NextDouble() / 2));
    }

    public void Reset() => _doublings = 0;
}
