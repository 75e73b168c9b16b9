namespace Gatehouse.Wso2;

/// <summary>Says what became of NGINX directives.</summary>
internal sealed class NginxFindings(ReadingLog log)
{
    public void Tell(Outcome outcome, NginxDirective d, string? target, string? note) =>
        log.Add(
            new Finding(
                outcome,
                d.Place,
                d.Path,
                d.Argument.Length == 0 ? null
                    : d.Argument.Length <= 120 ? d.Argument
                    : d.Argument[..117] + "...",
                target,
                note
            )
        );

    public void Converted(NginxDirective d, string target, string? note = null) =>
        Tell(Outcome.Converted, d, target, note);

    public void NotNeeded(NginxDirective d, string why) => Tell(Outcome.NotNeeded, d, null, why);

    public void NeedsYou(NginxDirective d, string what) => Tell(Outcome.NeedsYou, d, null, what);

    /// <summary>By the directive's name alone.</summary>
    public void Judge(NginxDirective d)
    {
        var verdict = NginxVerdicts.Of(d.Name);
        Tell(
            verdict?.Outcome ?? Outcome.NeedsYou,
            d,
            null,
            verdict?.Note
                ?? "this reader does not know it: find out what it is for, and set its counterpart if there is one"
        );
    }
}
