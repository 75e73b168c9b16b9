using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Gatehouse.Gateway.Routing;

/// <summary>
/// An immutable map from text, found by a span so that a piece of a path needs no string. A changed copy shares all but
/// the few nodes on the way to the change (a hash array mapped trie): that is what makes one change among a hundred
/// thousand entries cost the same as among ten.
/// </summary>
internal sealed class PersistentMap<TValue>
    where TValue : class
{
    public static readonly PersistentMap<TValue> Empty = new(Branch.Empty, 0);

    private readonly Branch _root;

    private PersistentMap(Branch root, int count)
    {
        _root = root;
        Count = count;
    }

    public int Count { get; }

    public bool TryGetValue(ReadOnlySpan<char> key, [NotNullWhen(true)] out TValue? value)
    {
        value = Count == 0 ? null : _root.Find(key, Hash(key), 0);
        return value is not null;
    }

    public TValue? Find(ReadOnlySpan<char> key) => TryGetValue(key, out var value) ? value : null;

    public PersistentMap<TValue> With(string key, TValue value)
    {
        var grown = false;
        return new(_root.With(new(key, value, Hash(key)), 0, ref grown), grown ? Count + 1 : Count);
    }

    public PersistentMap<TValue> Without(string key)
    {
        if (!TryGetValue(key, out _))
        {
            return this;
        }

        return Count == 1 ? Empty : new(_root.Without(key, Hash(key), 0) ?? Branch.Empty, Count - 1);
    }

    public IEnumerable<KeyValuePair<string, TValue>> Entries() => _root.Entries();

    // Randomised per process, so nobody can choose names that collide.
    private static uint Hash(ReadOnlySpan<char> key) => (uint)string.GetHashCode(key);

    private sealed record Leaf(string Key, TValue Value, uint Hash);

    /// <summary>Up to 32 children by five bits of the hash; below the last bits a plain list of leaves whose hashes are equal.</summary>
    private sealed class Branch(uint bits, object[] children)
    {
        public static readonly Branch Empty = new(0, []);
        private const int LastShift = 35;

        public TValue? Find(ReadOnlySpan<char> key, uint hash, int shift)
        {
            var branch = this;
            while (true)
            {
                if (shift >= LastShift)
                {
                    return branch.FindCollided(key);
                }

                var (bit, index) = branch.Place(hash, shift);
                if (!branch.Has(bit))
                {
                    return null;
                }

                if (branch.Child(index) is Leaf leaf)
                {
                    return leaf.Hash == hash && key.SequenceEqual(leaf.Key) ? leaf.Value : null;
                }

                branch = (Branch)branch.Child(index);
                shift += 5;
            }
        }

        public Branch With(Leaf leaf, int shift, ref bool grown)
        {
            if (shift >= LastShift)
            {
                var same = Array.FindIndex(children, c => ((Leaf)c).Key == leaf.Key);
                grown = same < 0;
                return same < 0 ? new(0, [.. children, leaf]) : new(0, Replaced(same, leaf));
            }

            var (bit, index) = Place(leaf.Hash, shift);
            if (!Has(bit))
            {
                grown = true;
                return new(bits | bit, [.. children[..index], leaf, .. children[index..]]);
            }

            switch (children[index])
            {
                case Branch branch:
                    return new(bits, Replaced(index, branch.With(leaf, shift + 5, ref grown)));
                case Leaf there when there.Key == leaf.Key:
                    return new(bits, Replaced(index, leaf));
                default:
                    var below = Empty.With((Leaf)children[index], shift + 5, ref grown);
                    return new(bits, Replaced(index, below.With(leaf, shift + 5, ref grown)));
            }
        }

        /// <summary>The branch without a key that is in it; null when nothing is left.</summary>
        public Branch? Without(string key, uint hash, int shift)
        {
            if (shift >= LastShift)
            {
                return children.Length == 1 ? null : new(0, [.. children.Where(c => ((Leaf)c).Key != key)]);
            }

            var (bit, index) = Place(hash, shift);
            if (children[index] is Branch branch && branch.Without(key, hash, shift + 5) is { } smaller)
            {
                return new(bits, Replaced(index, smaller.Only ?? smaller));
            }

            return children.Length == 1 ? null : new(bits & ~bit, [.. children[..index], .. children[(index + 1)..]]);
        }

        public IEnumerable<KeyValuePair<string, TValue>> Entries() =>
            children.SelectMany(child =>
                child is Leaf leaf ? [KeyValuePair.Create(leaf.Key, leaf.Value)] : ((Branch)child).Entries()
            );

        /// <summary>The one leaf of a branch that has nothing else; it moves up, so that a map's shape depends on its content alone.</summary>
        private object? Only => children is [Leaf leaf] ? leaf : null;

        private (uint Bit, int Index) Place(uint hash, int shift)
        {
            var bit = 1u << (int)((hash >> shift) & 31);
            return (bit, BitOperations.PopCount(bits & (bit - 1)));
        }

        private bool Has(uint bit) => (bits & bit) != 0;

        private object Child(int index) => children[index];

        private TValue? FindCollided(ReadOnlySpan<char> key)
        {
            foreach (var child in children)
            {
                if (child is Leaf leaf && key.SequenceEqual(leaf.Key))
                {
                    return leaf.Value;
                }
            }

            return null;
        }

        private object[] Replaced(int index, object child)
        {
            object[] copy = [.. children];
            copy[index] = child;
            return copy;
        }
    }
}
