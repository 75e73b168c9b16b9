using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>A condition, ready to be asked.</summary>
internal sealed class CompiledCondition
{
    private readonly ConditionKind _kind;
    private readonly string _name;
    private readonly string _value;
    private readonly bool _invert;
    private readonly AddressRange _range;

    /// <summary>Throws <see cref="FormatException"/> when the condition can never be asked.</summary>
    public CompiledCondition(Condition condition)
    {
        (_kind, _name, _value, _invert) = (condition.Kind, condition.Name, condition.Value, condition.Invert);
        if (LimitRules.ConditionProblem(condition) is var (message, fix))
        {
            throw new FormatException($"{message}; {fix}.");
        }

        if (_kind == ConditionKind.Ip)
        {
            _ = AddressRange.TryParse(_value, out _range);
        }
    }

    public bool Holds(Exchange exchange) =>
        _invert
        != _kind switch
        {
            ConditionKind.Ip => exchange.Caller.AddressNumber is { } address && _range.Contains(address),
            ConditionKind.Header => Fits(exchange.Request.Headers[_name]),
            ConditionKind.Query => FitsQuery(exchange.Request.RawTarget),
            ConditionKind.Claim => CallerFacts.Claim(exchange, _name) is { } claim && Fits(claim),
            _ => false,
        };

    private bool Fits(Microsoft.Extensions.Primitives.StringValues values)
    {
        foreach (var value in values)
        {
            if (value is not null && Fits(value))
            {
                return true;
            }
        }

        return false;
    }

    private bool Fits(string value) => _value.Length == 0 || value == _value;

    private bool FitsQuery(string target)
    {
        var start = target.IndexOf('?', StringComparison.Ordinal);
        if (start < 0)
        {
            return false;
        }

        foreach (var range in target.AsSpan(start + 1).Split('&'))
        {
            var pair = target.AsSpan(start + 1)[range];
            var equals = pair.IndexOf('=');
            var name = equals < 0 ? pair : pair[..equals];
            var value = equals < 0 ? [] : pair[(equals + 1)..];
            if (IsText(name, _name) && (_value.Length == 0 || IsText(value, _value)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an encoded piece of a query stands for the text; only one that has an escape is decoded.</summary>
    private static bool IsText(ReadOnlySpan<char> encoded, string text)
    {
        if (encoded.IndexOfAny('%', '+') < 0)
        {
            return encoded.SequenceEqual(text);
        }

        // A piece shrinks by at most two thirds.
        if (encoded.Length > text.Length * 9)
        {
            return false;
        }

        return Uri.UnescapeDataString(encoded.ToString().Replace('+', ' ')) == text;
    }
}
