using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// A cookie that brings a caller back to the target it had. Its value is a keyed MAC of the target's name: it tells nobody
/// which nodes there are, and nobody can make one up. Over TLS its name begins with <c>__Host-</c>, so no sibling host can
/// set it; a plain connection cannot carry such a cookie, so there the name stands bare.
/// </summary>
internal sealed class StickyCookie(string name, ReadOnlyMemory<byte> key)
{
    private readonly string _secureName = $"__Host-{name}";

    /// <summary>The value that stands for the target of this name.</summary>
    public string ValueOf(string target) =>
        Base64Url.EncodeToString(
            HMACSHA256.HashData(key.Span, Encoding.UTF8.GetBytes($"{name}\n{target}")).AsSpan(0, 16)
        );

    /// <summary>
    /// The target that the caller's cookie stands for. Null when it has none, or one that stands for nothing here, for a
    /// node that drains, or for one that looks dead: then it is given another.
    /// </summary>
    public Target? Find(Exchange exchange, TargetPool pool)
    {
        var wanted = exchange.Caller.IsHttps ? _secureName : name;
        foreach (var header in exchange.Request.Headers.Cookie)
        {
            foreach (var range in header.AsSpan().Split(';'))
            {
                var pair = header.AsSpan()[range].Trim();
                if (NameOf(pair).SequenceEqual(wanted))
                {
                    return Find(pool, pair[(wanted.Length + 1)..]);
                }
            }
        }

        return null;
    }

    /// <summary>Gives the caller the cookie of the target that answered, unless it came with it.</summary>
    public void Set(Exchange exchange, Target target)
    {
        if (exchange.CameWithCookieOf == target)
        {
            return;
        }

        var headers = exchange.Response.Headers;
        headers.SetCookie = StringValues.Concat(
            headers.SetCookie,
            exchange.Caller.IsHttps
                ? $"{_secureName}={target.StickyValue}; Path=/; Secure; HttpOnly; SameSite=Lax"
                : $"{name}={target.StickyValue}; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    /// <summary>The cookies without this one, as one header value; empty when nothing else is there.</summary>
    public string Strip(StringValues cookies)
    {
        var rest = new StringBuilder();
        foreach (var header in cookies)
        {
            foreach (var range in header.AsSpan().Split(';'))
            {
                var pair = header.AsSpan()[range].Trim();
                if (pair.IsEmpty || NameOf(pair).SequenceEqual(name) || NameOf(pair).SequenceEqual(_secureName))
                {
                    continue;
                }

                rest.Append(rest.Length == 0 ? "" : "; ").Append(pair);
            }
        }

        return rest.ToString();
    }

    private static Target? Find(TargetPool pool, ReadOnlySpan<char> value)
    {
        foreach (var target in pool.Targets)
        {
            if (value.SequenceEqual(target.StickyValue))
            {
                return target.Health.IsPreferred && target.IsOpen && target.Health.Admits() ? target : null;
            }
        }

        return null;
    }

    private static ReadOnlySpan<char> NameOf(ReadOnlySpan<char> pair)
    {
        var equals = pair.IndexOf('=');
        return equals < 0 ? default : pair[..equals];
    }
}
