using System.Collections.Immutable;
using System.Text;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Checks a form (<c>application/x-www-form-urlencoded</c>) as the object that it stands for.</summary>
internal static class FormBody
{
    public static ImmutableArray<ProblemDetail> Check(ReadOnlySpan<byte> body, JsonSchema schema, bool formats)
    {
        var pairs = QueryText.Pairs(Encoding.UTF8.GetString(body));
        if (pairs is null)
        {
            return [new("body", "", $"has more than {QueryText.MostPairs} fields")];
        }

        var form = ParameterText.Object(pairs.Select(p => (p.Name, QueryText.Decode(p.Raw))), schema);
        return
        [
            .. schema.Check(form, body.Length, formats).Select(e => new ProblemDetail("body", e.Pointer, e.Message)),
        ];
    }
}
