using System.Collections.Immutable;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Routing;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Throttling;

/// <summary>Immutable: who is turned away.</summary>
internal sealed class BlockList
{
    public static readonly BlockList Empty = new();

    private PersistentMap<string> _names = PersistentMap<string>.Empty;
    private ImmutableArray<int> _counts = [.. new int[Enum.GetValues<BlockKind>().Length]];
    private ImmutableArray<(string Name, AddressRange Range)> _addresses = [];
    private ImmutableArray<(string Name, AddressRange Range)> _allOtherAddresses = [];
    private ImmutableHashSet<string> _unreadable = [];

    private BlockList() { }

    public int Count => _names.Count;

    /// <summary>True when the request is turned away.</summary>
    public bool Block(Exchange exchange)
    {
        if (_names.Count == 0)
        {
            return false;
        }

        if (!_unreadable.IsEmpty)
        {
            return true;
        }

        var api = exchange.Route!.Name;
        return Has(BlockKind.Api, api)
            || Has(BlockKind.Application, exchange.Application?.Id)
            || Has(BlockKind.User, CallerFacts.User(exchange))
            || (_counts[(int)BlockKind.Subscription] > 0 && HasSubscription(exchange.Application?.Id, api))
            || BlocksAddress(exchange.Caller.AddressNumber);
    }

    /// <summary>The list with one block in force or not. A name that cannot be read turns everybody away: it was meant to turn away somebody.</summary>
    public BlockList With(string name, bool isInForce)
    {
        if (isInForce == _names.TryGetValue(name, out _))
        {
            return this;
        }

        var next = (BlockList)MemberwiseClone();
        next._names = isInForce ? _names.With(name, name) : _names.Without(name);
        if (!BlockTarget.TryParse(name, out var target))
        {
            next._unreadable = isInForce ? _unreadable.Add(name) : _unreadable.Remove(name);
            return next;
        }

        next._counts = _counts.SetItem((int)target.Kind, _counts[(int)target.Kind] + (isInForce ? 1 : -1));
        if (target.Kind == BlockKind.Ip && AddressRange.TryParse(target.Value, out var range))
        {
            if (target.Invert)
            {
                next._allOtherAddresses = Changed(_allOtherAddresses, (name, range), isInForce);
            }
            else
            {
                next._addresses = Changed(_addresses, (name, range), isInForce);
            }
        }

        return next;
    }

    private static ImmutableArray<(string Name, AddressRange Range)> Changed(
        ImmutableArray<(string Name, AddressRange Range)> list,
        (string Name, AddressRange Range) block,
        bool isInForce
    ) => isInForce ? list.Add(block) : list.RemoveAll(b => b.Name == block.Name);

    private bool Has(BlockKind kind, string? value)
    {
        if (_counts[(int)kind] == 0 || value is not { Length: > 0 and <= 512 })
        {
            return false;
        }

        Span<char> name = stackalloc char[544];
        name.TryWrite($"{BlockTarget.Word(kind)}/{value}", out var length);
        return _names.TryGetValue(name[..length], out _);
    }

    private bool HasSubscription(string? application, string api)
    {
        Span<char> name = stackalloc char[544];
        return application is not null
            && name.TryWrite($"{BlockTarget.Word(BlockKind.Subscription)}/{application}/{api}", out var length)
            && _names.TryGetValue(name[..length], out _);
    }

    private bool BlocksAddress(UInt128? address)
    {
        if (_addresses.IsEmpty && _allOtherAddresses.IsEmpty)
        {
            return false;
        }

        // An address that cannot be read may be any of those that are meant.
        if (address is not { } caller)
        {
            return true;
        }

        foreach (var (_, range) in _addresses)
        {
            if (range.Contains(caller))
            {
                return true;
            }
        }

        if (_allOtherAddresses.IsEmpty)
        {
            return false;
        }

        // Several "all but" lists let in what any of them lets in; one alone would shut the others' out.
        foreach (var (_, range) in _allOtherAddresses)
        {
            if (range.Contains(caller))
            {
                return false;
            }
        }

        return true;
    }
}
