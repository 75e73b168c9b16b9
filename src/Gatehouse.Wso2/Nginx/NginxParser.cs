using System.Collections.Immutable;
using System.Text;

namespace Gatehouse.Wso2;

/// <summary>
/// NGINX's own syntax: words, quotes, comments, braces, <c>include</c>. Bounded in depth, directives and files; an included file
/// must lie in the directory that is read or below, whatever its path says.
/// </summary>
internal sealed class NginxParser(string root, ReadingLog log)
{
    private const int MaxDepth = 32;
    private const int MaxDirectives = 50_000;
    private const int MaxFiles = 500;
    private readonly HashSet<string> _open = [];
    private int _directives;
    private int _files;

    /// <summary>The directives of a file; nothing when it is broken, and then the log says where.</summary>
    public ImmutableArray<NginxDirective> ReadFile(string path, string context = "")
    {
        if (++_files > MaxFiles)
        {
            log.Problem(new Place(path), "", $"more than {MaxFiles} files are included", "is there a circle?");
            return [];
        }

        if (!_open.Add(path))
        {
            log.Problem(new Place(path), "include", "the file includes itself", "remove one of the includes");
            return [];
        }

        try
        {
            return SafeFile.Read(path, log) is { } bytes
                ? new Scanner(this, path, Encoding.UTF8.GetString(bytes)).ReadBlock(context, depth: 0, isFile: true)
                : [];
        }
        catch (NginxSyntaxException e)
        {
            log.Problem(e.Place, "", e.Message, e.Fix);
            return [];
        }
        finally
        {
            _open.Remove(path);
        }
    }

    private ImmutableArray<NginxDirective> Include(NginxDirective include, string file)
    {
        var pattern = include.Arguments is [var one] ? one : "";
        var full = Path.GetFullPath(pattern, Path.GetDirectoryName(file)!);
        // Written for the old machine: the file is looked for by the end of its path in what was copied from there.
        if (!IsBelow(full))
        {
            full = Path.GetFullPath(Path.Combine(root, Path.GetFileName(pattern)));
        }

        var folder = Path.GetDirectoryName(full)!;
        string[] files =
            !IsBelow(full) || !Directory.Exists(folder) ? []
            : full.AsSpan().ContainsAny('*', '?') && !folder.AsSpan().ContainsAny('*', '?')
                ?
                [
                    .. Directory
                        .GetFiles(folder, Path.GetFileName(full))
                        .Where(f => !_open.Contains(f))
                        .Order(StringComparer.Ordinal),
                ]
            : File.Exists(full) ? [full]
            : [];
        if (files.Length == 0)
        {
            log.Add(
                s_harmless.Contains(Path.GetFileName(pattern))
                    ? new Finding(Outcome.NotNeeded, include.Place, include.Path, pattern, null, "NGINX's own list")
                    : new Finding(
                        Outcome.NeedsYou,
                        include.Place,
                        include.Path,
                        pattern,
                        null,
                        "no such file beside the others: copy it there and read again"
                    )
            );
            return [];
        }

        log.Add(
            new Finding(
                Outcome.Converted,
                include.Place,
                include.Path,
                pattern,
                "the files it names",
                "read in its place"
            )
        );
        return [.. files.SelectMany(f => ReadFile(f, include.Context))];
    }

    private static readonly HashSet<string> s_harmless =
    [
        "mime.types",
        "*.conf",
        "fastcgi_params",
        "fastcgi.conf",
        "proxy_params",
    ];

    private bool IsBelow(string path) =>
        path.StartsWith(Path.GetFullPath(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private sealed class Scanner(NginxParser parser, string file, string text)
    {
        private int _at;
        private int _line = 1;
        private int _lineStart;

        public ImmutableArray<NginxDirective> ReadBlock(string context, int depth, bool isFile)
        {
            if (depth > MaxDepth)
            {
                throw Error($"blocks are nested deeper than {MaxDepth}", "is this the right file?");
            }

            var directives = ImmutableArray.CreateBuilder<NginxDirective>();
            while (true)
            {
                SkipSpace();
                if (_at >= text.Length)
                {
                    return isFile
                        ? directives.ToImmutable()
                        : throw Error("a '}' is missing at the end", "close the block");
                }

                if (text[_at] == '}')
                {
                    if (isFile)
                    {
                        throw Error("there is a '}' too many", "remove it");
                    }

                    _at++;
                    return directives.ToImmutable();
                }

                ReadDirective(context, depth, directives);
            }
        }

        private void ReadDirective(string context, int depth, ImmutableArray<NginxDirective>.Builder into)
        {
            if (++parser._directives > MaxDirectives)
            {
                throw Error($"there are more than {MaxDirectives} directives", "is this the right file?");
            }

            var place = Here();
            var words = ImmutableArray.CreateBuilder<string>();
            while (true)
            {
                SkipSpace();
                if (_at >= text.Length)
                {
                    throw Error("the directive has no ';'", "end it with ';'");
                }

                switch (text[_at])
                {
                    case ';' when words.Count > 0:
                        _at++;
                        var plain = new NginxDirective(words[0], [.. words.Skip(1)], default, place, context);
                        if (plain.Name == "include")
                        {
                            into.AddRange(parser.Include(plain, file));
                        }
                        else
                        {
                            into.Add(plain);
                        }

                        return;
                    case '{' when words.Count > 0:
                        _at++;
                        var inner = context.Length == 0 ? words[0] : $"{context}/{words[0]}";
                        into.Add(
                            new NginxDirective(
                                words[0],
                                [.. words.Skip(1)],
                                ReadBlock(inner, depth + 1, isFile: false),
                                place,
                                context
                            )
                        );
                        return;
                    case ';' or '{' or '}':
                        throw Error(
                            $"'{text[_at]}' stands where a directive begins",
                            "remove it, or write the directive's name"
                        );
                    default:
                        words.Add(ReadWord());
                        break;
                }
            }
        }

        private string ReadWord()
        {
            if (text[_at] is '"' or '\'')
            {
                return ReadQuoted(text[_at]);
            }

            var word = new StringBuilder();
            // A '{' ends a word unless it belongs to a variable: ${name}.
            while (
                _at < text.Length
                && !char.IsWhiteSpace(text[_at])
                && text[_at] is not ';'
                && (text[_at] != '{' || word is { Length: > 0 } && word[^1] == '$')
            )
            {
                if (text[_at] == '{')
                {
                    while (_at < text.Length && text[_at] != '}' && text[_at] is not ('\n' or ';'))
                    {
                        word.Append(text[_at++]);
                    }

                    if (_at >= text.Length || text[_at] != '}')
                    {
                        throw Error("a variable's '}' is missing", "close it: ${name}");
                    }
                }

                if (text[_at] == '\\' && _at + 1 < text.Length)
                {
                    word.Append(text[_at++]);
                }

                Count(text[_at]);
                word.Append(text[_at++]);
            }

            return word.ToString();
        }

        private string ReadQuoted(char quote)
        {
            var opened = Here();
            _at++;
            var word = new StringBuilder();
            while (_at < text.Length && text[_at] != quote)
            {
                if (text[_at] == '\\' && _at + 1 < text.Length && (text[_at + 1] == quote || text[_at + 1] == '\\'))
                {
                    _at++;
                }

                Count(text[_at]);
                word.Append(text[_at++]);
            }

            if (_at >= text.Length)
            {
                throw new NginxSyntaxException(opened, "the quote is not closed", $"end the text with {quote}");
            }

            _at++;
            return word.ToString();
        }

        private void SkipSpace()
        {
            while (_at < text.Length)
            {
                if (text[_at] == '#')
                {
                    while (_at < text.Length && text[_at] != '\n')
                    {
                        _at++;
                    }
                }
                else if (char.IsWhiteSpace(text[_at]) || text[_at] == '\uFEFF')
                {
                    Count(text[_at]);
                    _at++;
                }
                else
                {
                    return;
                }
            }
        }

        private void Count(char c)
        {
            if (c == '\n')
            {
                _line++;
                _lineStart = _at + 1;
            }
        }

        private Place Here() => new(file, _line, _at - _lineStart + 1);

        private NginxSyntaxException Error(string message, string fix) => new(Here(), message, fix);
    }

    private sealed class NginxSyntaxException(Place place, string message, string fix) : Exception(message)
    {
        public Place Place => place;

        public string Fix => fix;
    }
}
