using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>The key of a custom rule, read once; per request its parts go into a number without any text being made.</summary>
internal sealed class KeyTemplate
{
    private static readonly (string Name, Part Part)[] s_parts =
    [
        ("$resourceKey", Part.Resource),
        ("$apiContext", Part.Context),
        ("$apiVersion", Part.Version),
        ("$clientIp", Part.Address),
        ("$userId", Part.User),
        ("$appId", Part.Application),
    ];

    private readonly ImmutableArray<(Part Part, string Text)> _pieces;

    /// <summary>Throws <see cref="FormatException"/> when <see cref="LimitRules"/> finds fault with the key.</summary>
    public KeyTemplate(string template)
    {
        if (LimitRules.KeyProblem(template) is { } problem)
        {
            throw new FormatException(problem + ".");
        }

        var pieces = ImmutableArray.CreateBuilder<(Part, string)>();
        for (var at = 0; at < template.Length; )
        {
            var dollar = template.IndexOf('$', at);
            if (dollar != at)
            {
                var end = dollar < 0 ? template.Length : dollar;
                pieces.Add((Part.Text, template[at..end]));
                at = end;
                continue;
            }

            var rest = template[at..];
            var (name, part) = s_parts.First(p => rest.StartsWith(p.Name, StringComparison.Ordinal));
            pieces.Add((part, name));
            at += name.Length;
        }

        _pieces = pieces.ToImmutable();
    }

    /// <summary>The request's key. False when the request lacks a part, so that the rule is not about it.</summary>
    public bool TryMake(Exchange exchange, LimitKey start, out LimitKey key)
    {
        key = start;
        foreach (var (part, text) in _pieces)
        {
            var value = part switch
            {
                Part.Text => text,
                Part.Context => exchange.Throttle!.Context,
                Part.Version => exchange.Throttle!.Version,
                Part.Resource => exchange.Throttle!.Resource,
                Part.Address => exchange.Caller.Address,
                Part.User => CallerFacts.User(exchange),
                _ => exchange.Application?.Id,
            };
            if (value is not { Length: > 0 })
            {
                return false;
            }

            key = key.With(value);
        }

        return true;
    }

    private enum Part
    {
        Text,
        Context,
        Version,
        Resource,
        Address,
        User,
        Application,
    }
}
