using CsCheck;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

public sealed class RequestPathTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/pets")]
    [InlineData("/pets/")]
    [InlineData("/pets/1/photos/2.5.jpg")]
    [InlineData("/a.b/c..d/...")]
    [InlineData("/.well-known/openid-configuration")]
    [InlineData("/..a/a../.a/a.")]
    [InlineData("/a%20b")]
    [InlineData("/%c3%a4")]
    [InlineData("/%F0%9F%92%A9%e2%82%ac")]
    [InlineData("/100%25")]
    [InlineData("/100%25/a")]
    [InlineData("/%2541")]
    [InlineData("/%25%32")]
    [InlineData("/a:b@c!$&'()*+,=d~e_f-g")]
    [InlineData("/%7Euser")]
    [InlineData("/a%3fb%23c")]
    [InlineData("/{id}|^`\"<>")]
    [InlineData("/a?b=../..//;\\%2f%00%zz%")]
    [InlineData("/?")]
    [InlineData("/a??b")]
    [InlineData("http://host")]
    [InlineData("http://host?q")]
    [InlineData("http://host/")]
    [InlineData("HTTPS://host:8443/a/b?c")]
    [InlineData("http://[::1]:80/a")]
    [InlineData("*")]
    public void An_unambiguous_target_is_accepted(string target)
    {
        Assert.Equal(PathRefusal.None, RequestPath.Judge(target).Under(PathRules.Strict));
    }

    [Theory]
    [InlineData("", PathRefusal.NotATarget)]
    [InlineData("a", PathRefusal.NotATarget)]
    [InlineData("?a", PathRefusal.NotATarget)]
    [InlineData("**", PathRefusal.NotATarget)]
    [InlineData("a:80", PathRefusal.NotATarget)]
    [InlineData("ftp://a/", PathRefusal.NotATarget)]
    [InlineData("%2f", PathRefusal.NotATarget)]
    [InlineData("http:///a", PathRefusal.BadAuthority)]
    [InlineData("http://u:p@a/", PathRefusal.BadAuthority)]
    [InlineData("http://a\\b/", PathRefusal.BadAuthority)]
    [InlineData("http://a#b", PathRefusal.Fragment)]
    [InlineData("/.", PathRefusal.DotSegment)]
    [InlineData("/..", PathRefusal.DotSegment)]
    [InlineData("/./", PathRefusal.DotSegment)]
    [InlineData("/../", PathRefusal.DotSegment)]
    [InlineData("/a/./b", PathRefusal.DotSegment)]
    [InlineData("/a/../b", PathRefusal.DotSegment)]
    [InlineData("/a/..?b", PathRefusal.DotSegment)]
    [InlineData("/a/%2e/b", PathRefusal.DotSegment)]
    [InlineData("/a/%2E%2e/b", PathRefusal.DotSegment)]
    [InlineData("/a/.%2e/b", PathRefusal.DotSegment)]
    [InlineData("/a/%2e./b", PathRefusal.DotSegment)]
    [InlineData("/a/%2e", PathRefusal.DotSegment)]
    [InlineData("/a/%252e%252e/b", PathRefusal.DotSegment)]
    [InlineData("/a/.%25252e/b", PathRefusal.DotSegment)]
    [InlineData("/a/.%25%32%65/b", PathRefusal.DotSegment)]
    [InlineData("/a/%25%32e/b", PathRefusal.DotSegment)]
    [InlineData("/a/..;x=y/b", PathRefusal.DotSegment)]
    [InlineData("/a/..;/b", PathRefusal.DotSegment)]
    [InlineData("/a/.;/b", PathRefusal.DotSegment)]
    [InlineData("/a/..%3b/b", PathRefusal.DotSegment)]
    [InlineData("/a/..%2fb", PathRefusal.DotSegment)]
    [InlineData("/a%2f..", PathRefusal.DotSegment)]
    [InlineData("/a%2f../b", PathRefusal.DotSegment)]
    [InlineData("/a%5c..%5cb", PathRefusal.DotSegment)]
    [InlineData("/a%252f..%252fb", PathRefusal.DotSegment)]
    [InlineData("http://a/../b", PathRefusal.DotSegment)]
    [InlineData("//", PathRefusal.EmptySegment)]
    [InlineData("//a", PathRefusal.EmptySegment)]
    [InlineData("/a//b", PathRefusal.EmptySegment)]
    [InlineData("/a//", PathRefusal.EmptySegment)]
    [InlineData("/a.b//c", PathRefusal.EmptySegment)]
    [InlineData("/%41//c", PathRefusal.EmptySegment)]
    [InlineData("http://a//b", PathRefusal.EmptySegment)]
    [InlineData("/a\\b", PathRefusal.Backslash)]
    [InlineData("/\\..\\b", PathRefusal.Backslash)]
    [InlineData("/a%00", PathRefusal.ControlCharacter)]
    [InlineData("/a%2500", PathRefusal.ControlCharacter)]
    [InlineData("/a%0d%0aX:y", PathRefusal.ControlCharacter)]
    [InlineData("/a%09", PathRefusal.ControlCharacter)]
    [InlineData("/a%7f", PathRefusal.ControlCharacter)]
    [InlineData("/a%c2%85", PathRefusal.ControlCharacter)]
    [InlineData("/a\tb", PathRefusal.ControlCharacter)]
    [InlineData("/a\0b", PathRefusal.ControlCharacter)]
    [InlineData("/a?b\rc", PathRefusal.ControlCharacter)]
    [InlineData("/a?\u007f", PathRefusal.ControlCharacter)]
    [InlineData("/a b", PathRefusal.NotAscii)]
    [InlineData("/a?b c", PathRefusal.NotAscii)]
    [InlineData("/\u00e4", PathRefusal.NotAscii)]
    [InlineData("/\uff0f", PathRefusal.NotAscii)]
    [InlineData("/a?\u20ac", PathRefusal.NotAscii)]
    [InlineData("/%", PathRefusal.BadEncoding)]
    [InlineData("/%4", PathRefusal.BadEncoding)]
    [InlineData("/%zz", PathRefusal.BadEncoding)]
    [InlineData("/%4g", PathRefusal.BadEncoding)]
    [InlineData("/%u0041", PathRefusal.BadEncoding)]
    [InlineData("/%?41", PathRefusal.BadEncoding)]
    [InlineData("/% 41", PathRefusal.BadEncoding)]
    [InlineData("/%ff", PathRefusal.InvalidUtf8)]
    [InlineData("/%c3", PathRefusal.InvalidUtf8)]
    [InlineData("/%c3a4", PathRefusal.InvalidUtf8)]
    [InlineData("/%c3/%a4", PathRefusal.InvalidUtf8)]
    [InlineData("/%80", PathRefusal.InvalidUtf8)]
    [InlineData("/%c0%af", PathRefusal.InvalidUtf8)]
    [InlineData("/%c0%ae%c0%ae/", PathRefusal.InvalidUtf8)]
    [InlineData("/%e0%80%af", PathRefusal.InvalidUtf8)]
    [InlineData("/%ed%a0%80", PathRefusal.InvalidUtf8)]
    [InlineData("/%f4%90%80%80", PathRefusal.InvalidUtf8)]
    [InlineData("/%e2%82", PathRefusal.InvalidUtf8)]
    [InlineData("/a#b", PathRefusal.Fragment)]
    [InlineData("/a?b#c", PathRefusal.Fragment)]
    [InlineData("/a%2fb", PathRefusal.EncodedSlash)]
    [InlineData("/a%2Fb", PathRefusal.EncodedSlash)]
    [InlineData("/a%5cb", PathRefusal.EncodedSlash)]
    [InlineData("/a%252fb", PathRefusal.EncodedSlash)]
    [InlineData("/a%25255Cb", PathRefusal.EncodedSlash)]
    [InlineData("/a;b", PathRefusal.Semicolon)]
    [InlineData("/a;b=c/d", PathRefusal.Semicolon)]
    [InlineData("/;", PathRefusal.Semicolon)]
    [InlineData("/a%3bb", PathRefusal.Semicolon)]
    [InlineData("/a%253Bb", PathRefusal.Semicolon)]
    public void A_target_that_two_parsers_could_read_differently_is_refused(string target, PathRefusal refusal)
    {
        Assert.Equal(refusal, RequestPath.Judge(target).Under(PathRules.Strict));
    }

    [Theory]
    [InlineData("/a%2fb", true, false, PathRefusal.None)]
    [InlineData("/proxy/http%3a%2f%2fhost%5c", true, false, PathRefusal.None)]
    [InlineData("/a%2fb", false, true, PathRefusal.EncodedSlash)]
    [InlineData("/a;b", false, true, PathRefusal.None)]
    [InlineData("/a;b", true, false, PathRefusal.Semicolon)]
    [InlineData("/a;b%2fc", true, true, PathRefusal.None)]
    [InlineData("/a%2f..%2fb", true, true, PathRefusal.DotSegment)]
    [InlineData("/..;/", true, true, PathRefusal.DotSegment)]
    public void An_API_may_take_encoded_slashes_and_semicolons_as_data(
        string target,
        bool slash,
        bool semicolon,
        PathRefusal refusal
    )
    {
        Assert.Equal(refusal, RequestPath.Judge(target).Under(new PathRules(slash, semicolon)));
    }

    [Theory]
    [InlineData("/a/b?c=d", "/a/b", "?c=d")]
    [InlineData("/%41%7e", "/%41%7e", "")]
    [InlineData("/?", "/", "?")]
    [InlineData("http://h:1/a?b", "/a", "?b")]
    [InlineData("http://h", "/", "")]
    [InlineData("http://h?b", "/", "?b")]
    [InlineData("*", "*", "")]
    public void Path_and_query_are_what_was_sent(string target, string path, string query)
    {
        var verdict = RequestPath.Judge(target);

        Assert.Equal(path, verdict.Path(target).ToString());
        Assert.Equal(query, verdict.Query(target).ToString());
    }

    [Theory]
    [InlineData("/pets", "/pets")]
    [InlineData("/%70%65ts", "/pets")]
    [InlineData("/%7Euser%2d%5F%2E1", "/~user-_.1")]
    [InlineData("/a%20b%c3%a4%2541", "/a%20b%c3%a4%2541")]
    [InlineData("/%41%20", "/A%20")]
    public void Matching_decodes_unreserved_characters_only(string target, string matched)
    {
        var verdict = RequestPath.Judge(target);
        var buffer = new char[target.Length];

        Assert.Equal(matched, RequestPath.ToMatch(verdict.Path(target), verdict.Traits, buffer).ToString());
    }

    [Fact]
    public void Every_refusal_has_its_sentence()
    {
        var sentences = Enum.GetValues<PathRefusal>().Select(RequestPath.Explain).ToArray();

        Assert.All(sentences, s => Assert.EndsWith(".", s, StringComparison.Ordinal));
        Assert.Distinct(sentences);
    }

    [Fact]
    public void No_decoding_of_an_accepted_path_has_a_dot_segment_or_a_control_character()
    {
        Gen.String[Gen.Char["/.%%%2225eEfFcC03636;\\a"], 0, 16]
            .Select(s => "/" + s)
            .Sample(
                target =>
                {
                    if (RequestPath.Judge(target).Under(new PathRules(true, true)) != PathRefusal.None)
                    {
                        return true;
                    }

                    // Whoever decodes once, twice or three times, splits at any separator and cuts at semicolons.
                    var path = target;
                    for (var i = 0; i < 4; i++)
                    {
                        if (
                            path.Contains('\0', StringComparison.Ordinal)
                            || path.Split('/', '\\').Any(s => s.Split(';')[0] is "." or "..")
                        )
                        {
                            return false;
                        }

                        path = Uri.UnescapeDataString(path);
                    }

                    return true;
                },
                iter: 50_000
            );
    }

    [Fact]
    public void Judging_never_throws_and_ranges_fit()
    {
        Gen.String[0, 30]
            .Sample(
                target =>
                {
                    var verdict = RequestPath.Judge(target);
                    return verdict.PathStart + verdict.PathLength <= target.Length;
                },
                iter: 20_000
            );
    }
}
