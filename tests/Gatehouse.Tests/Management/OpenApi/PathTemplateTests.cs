using CsCheck;
using Gatehouse.Gateway.Routing;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Tests.Management.OpenApi;

public sealed class PathTemplateTests
{
    private static readonly string[] s_pieces =
    [
        "/",
        "/",
        "/",
        "a",
        "b",
        "{x}",
        "{y}",
        "{",
        "}",
        "*",
        ".",
        "..",
        "%2F",
        "%20",
        "%4",
        "~",
        "-",
        "?",
        "ü",
        "\\",
        ";",
    ];

    [Fact]
    public void Every_template_that_an_import_takes_is_compiled_by_the_gateway() =>
        Gen.Int[0, s_pieces.Length - 1]
            .Array[1, 8]
            .Sample(
                pieces =>
                {
                    var path = "/" + string.Concat(pieces.Select(i => s_pieces[i]));
                    if (PathTemplates.Problem(path) is null)
                    {
                        Assert.True(PathTemplate.TryParse(path, out _, out var problem), $"{path}: {problem}");
                    }
                },
                iter: 20_000
            );
}
