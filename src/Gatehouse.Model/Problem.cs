using System.Text;

namespace Gatehouse.Model;

/// <summary>One thing that is wrong with an input: where, what, and how to mend it.</summary>
/// <param name="Pointer">JSON pointer or dotted key of the place; empty for the whole document.</param>
/// <param name="Message">What is wrong, one sentence.</param>
/// <param name="Fix">What to do about it; null when the message says it.</param>
/// <param name="File">The file, when there is one.</param>
/// <param name="Line">1-based; 0 when unknown.</param>
/// <param name="Column">1-based; 0 when unknown.</param>
public sealed record Problem(
    string Pointer,
    string Message,
    string? Fix = null,
    string? File = null,
    int Line = 0,
    int Column = 0
)
{
    /// <summary><c>file:line:column: message (pointer) — fix</c>, leaving out what is not known.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (File is not null)
        {
            text.Append(File);
            if (Line > 0)
            {
                text.Append(':').Append(Line).Append(':').Append(Math.Max(Column, 1));
            }

            text.Append(": ");
        }
        else if (Line > 0)
        {
            text.Append("line ").Append(Line).Append(", column ").Append(Math.Max(Column, 1)).Append(": ");
        }

        text.Append(Message);
        if (Pointer.Length > 0)
        {
            text.Append(" (at ").Append(Pointer).Append(')');
        }

        if (Fix is not null)
        {
            text.Append("; ").Append(Fix);
        }

        return text.ToString();
    }
}
