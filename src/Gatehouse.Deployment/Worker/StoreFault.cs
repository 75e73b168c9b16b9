namespace Gatehouse.Deployment.Worker;

/// <summary>Something a node had to set aside, or could not write, told to the operator.</summary>
/// <param name="What">The row, file or thing: <c>api petstore:1.0.0</c>, <c>store.db</c>, <c>history</c>.</param>
/// <param name="Reason">What is wrong with it and what was done.</param>
/// <param name="At">When it was noticed.</param>
public sealed record StoreFault(string What, string Reason, DateTimeOffset At);

/// <summary>The store could not be written. Nothing of the commit is to be reported or served.</summary>
public sealed class StoreException : IOException
{
    internal StoreException(string message, bool setAside, Exception inner)
        : base(message, inner)
    {
        SetAside = setAside;
    }

    /// <summary>True when the file was found damaged and set aside: the cursor is gone with it and only a full scan fills it again.</summary>
    public bool SetAside { get; }
}

/// <summary>The store was written by a newer build.</summary>
public sealed class StoreFormatException(string message) : Exception(message);
