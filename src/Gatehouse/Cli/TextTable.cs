using Spectre.Console;

namespace Gatehouse.Cli;

/// <summary>A column of a table.</summary>
/// <param name="Header">Its head, in capitals.</param>
/// <param name="Cell">What it shows of a row.</param>
/// <param name="Drop">Left out when the screen is too narrow; the highest number goes first, 0 never.</param>
internal sealed record Column<T>(string Header, Func<T, string?> Cell, int Drop = 0);

/// <summary>Prints rows under capital headers, without lines. Cells are never wrapped: a narrow screen loses columns instead.</summary>
internal static class TextTable
{
    private const int Gap = 3;

    /// <summary>Prints the table to standard output.</summary>
    public static void Write<T>(Terminal terminal, IReadOnlyList<Column<T>> columns, IReadOnlyList<T> rows)
    {
        var cells = rows.Select(row => columns.Select(c => OneLine(c.Cell(row))).ToArray()).ToArray();
        var widths = columns
            .Select((c, i) => cells.Select(row => row[i].Length).Append(c.Header.Length).Max())
            .ToArray();
        var shown = Shown(columns, widths, terminal.Width);
        var last = shown[^1];
        WriteRow(i => columns[i].Header);
        foreach (var row in cells)
        {
            WriteRow(i => row[i]);
        }

        void WriteRow(Func<int, string> cell) =>
            terminal.Out.WriteLine(
                string.Concat(shown.Select(i => i == last ? cell(i) : cell(i).PadRight(widths[i] + Gap))).TrimEnd()
            );
    }

    /// <summary>The same table for a live display.</summary>
    public static Table ToSpectre<T>(Terminal terminal, IReadOnlyList<Column<T>> columns, IReadOnlyList<T> rows)
    {
        var widths = columns
            .Select(c => rows.Select(row => OneLine(c.Cell(row)).Length).Append(c.Header.Length).Max())
            .ToArray();
        var shown = Shown(columns, widths, terminal.Width);
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        foreach (var i in shown)
        {
            table.AddColumn(
                new TableColumn(new Text(columns[i].Header)) { NoWrap = true, Padding = new Padding(0, 0, Gap, 0) }
            );
        }

        foreach (var row in rows)
        {
            table.AddRow(shown.Select(i => new Text(OneLine(columns[i].Cell(row)))));
        }

        return table;
    }

    private static int[] Shown<T>(IReadOnlyList<Column<T>> columns, int[] widths, int? screen)
    {
        var shown = Enumerable.Range(0, columns.Count).ToList();
        while (screen is { } limit && shown.Sum(i => widths[i] + Gap) - Gap > limit)
        {
            var drop = shown.Where(i => columns[i].Drop > 0).OrderBy(i => columns[i].Drop).LastOrDefault(-1);
            if (drop < 0)
            {
                break;
            }

            shown.Remove(drop);
        }

        return [.. shown];
    }

    // What a cell shows may come from outside (a node's property): a control character would move the cursor.
    private static string OneLine(string? text) =>
        text is null ? "" : string.Concat(text.Select(c => char.IsControl(c) ? '·' : c));
}
