using Spectre.Console;

namespace Gatehouse.Cli;

/// <summary>
/// A table whose rows fill in while something happens. A person sees it redrawn in place; a script
/// sees one line per change on standard error. Rows are told apart by a key and keep the order in which they came. Safe to call from any thread.
/// </summary>
/// <param name="terminal">Where it is shown.</param>
/// <param name="columns">What a row shows.</param>
/// <param name="describe">The line for a script when a row came or changed; null for one that is not worth a line.</param>
internal sealed class LiveTable<T>(Terminal terminal, IReadOnlyList<Column<T>> columns, Func<T, string?> describe)
{
    private readonly Lock _lock = new();
    private readonly List<string> _keys = [];
    private readonly Dictionary<string, T> _rows = [];
    private readonly Dictionary<string, string> _described = [];
    private LiveDisplayContext? _live;

    /// <summary>Shows the table while <paramref name="work"/> runs; at its end the last state stays on the screen.</summary>
    public async Task ShowAsync(Func<Task> work)
    {
        if (!terminal.Interactive)
        {
            await work();
            return;
        }

        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(terminal.Out),
                Ansi = AnsiSupport.Yes,
                ColorSystem = terminal.Color ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
            }
        );
        await console
            .Live(Draw())
            .StartAsync(async live =>
            {
                lock (_lock)
                {
                    _live = live;
                }

                try
                {
                    await work();
                }
                finally
                {
                    lock (_lock)
                    {
                        live.UpdateTarget(Draw());
                        live.Refresh();
                        _live = null;
                    }
                }
            });
    }

    /// <summary>Adds a row or replaces the one with this key.</summary>
    public void Set(string key, T row)
    {
        lock (_lock)
        {
            if (!_rows.ContainsKey(key))
            {
                _keys.Add(key);
            }

            _rows[key] = row;
            if (_live is not null)
            {
                _live.UpdateTarget(Draw());
                _live.Refresh();
            }
            else if (!terminal.Interactive)
            {
                SayNeedsLock(key, row);
            }
        }
    }

    /// <summary>Removes a row.</summary>
    public void Remove(string key)
    {
        lock (_lock)
        {
            _keys.Remove(key);
            _rows.Remove(key);
            _described.Remove(key);
            _live?.UpdateTarget(Draw());
            _live?.Refresh();
        }
    }

    private void SayNeedsLock(string key, T row)
    {
        if (describe(row) is { } line && _described.GetValueOrDefault(key) != line)
        {
            _described[key] = line;
            terminal.Error.WriteLine(line);
        }
    }

    private Table Draw()
    {
        lock (_lock)
        {
            return TextTable.ToSpectre(terminal, columns, [.. _keys.Select(k => _rows[k])]);
        }
    }
}
