namespace Gatehouse.Gateway.Balancing;

/// <summary>
/// How many requests may be sent a second time: a share of all, with a few in hand for quiet hours. Without it a backend that
/// fails under load gets twice that load.
/// </summary>
internal sealed class RetryBudget(int percent)
{
    /// <summary>For targets that stand in for each other at no cost: nodes behind a balancer.</summary>
    public static readonly RetryBudget Unlimited = new(One);

    // In hundredths of an attempt.
    private const int Most = 1000;
    private const int One = 100;

    private int _left = Most;

    /// <summary>Counts a request.</summary>
    public void Earn()
    {
        if (Volatile.Read(ref _left) < Most)
        {
            Interlocked.Add(ref _left, percent);
        }
    }

    /// <summary>Takes an attempt; false when there is none left.</summary>
    public bool TrySpend()
    {
        if (percent >= One)
        {
            return true;
        }

        if (percent == 0)
        {
            return false;
        }

        if (Interlocked.Add(ref _left, -One) >= 0)
        {
            return true;
        }

        Interlocked.Add(ref _left, One);
        return false;
    }
}
