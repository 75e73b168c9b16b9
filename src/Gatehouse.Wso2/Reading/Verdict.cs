namespace Gatehouse.Wso2;

/// <summary>What is said of an element that no adapter takes a value from.</summary>
internal sealed record Verdict(Outcome Outcome, string Note)
{
    public static Verdict NotNeeded(string why) => new(Outcome.NotNeeded, why);

    public static Verdict NeedsYou(string what) => new(Outcome.NeedsYou, what);

    public static Verdict Dangerous(string why) => new(Outcome.Dangerous, why);
}
