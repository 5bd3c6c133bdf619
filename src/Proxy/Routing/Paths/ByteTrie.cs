using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>
/// A compressed trie from byte strings to numbers, flat in three arrays. A walk over a text reports each key that the text starts with,
/// shortest first, in time that depends on the text and not on the number of keys. Immutable.
/// </summary>
internal sealed class ByteTrie
{
    /// <summary>Longest key, in bytes; far beyond what a request head can hold.</summary>
    public const int MaxKeyLength = ushort.MaxValue;

    // The children of a node lie side by side, so that their first bytes can be searched sixteen at a time.
    private readonly Node[] _nodes;
    private readonly byte[] _firstBytes;
    private readonly byte[] _labels;

    private ByteTrie(Node[] nodes, byte[] firstBytes, byte[] labels)
    {
        _nodes = nodes;
        _firstBytes = firstBytes;
        _labels = labels;
    }

    /// <summary>Builds a trie in which key <c>i</c> has the value <c>i</c>. Keys are distinct and sorted by their bytes.</summary>
    public static ByteTrie Build(IReadOnlyList<byte[]> sortedKeys)
    {
        var nodes = new List<Node>();
        var firstBytes = new List<byte>();
        var labels = new List<byte>();
        var pending = new Queue<(int Node, int Start, int End, int Depth)>();

        nodes.Add(default);
        firstBytes.Add(0);
        if (sortedKeys.Count > 0)
        {
            pending.Enqueue((0, 0, sortedKeys.Count, 0));
        }
        else
        {
            nodes[0] = new Node { Value = -1 };
        }

        // Breadth first: a node's children are appended together. A stack of calls would overflow on a chain of nested prefixes.
        while (pending.TryDequeue(out var range))
        {
            var (node, start, end, depth) = range;
            var first = sortedKeys[start];
            var common = depth + first.AsSpan(depth).CommonPrefixLength(sortedKeys[end - 1].AsSpan(depth));
            var built = new Node { LabelOffset = labels.Count, LabelLength = (ushort)(common - depth), Value = -1, FirstChild = nodes.Count };
            labels.AddRange(first.AsSpan(depth, common - depth));
            if (first.Length == common)
            {
                built.Value = start++;
            }

            while (start < end)
            {
                var firstByte = sortedKeys[start][common];
                var groupEnd = GroupEnd(sortedKeys, start, end, common, firstByte);
                pending.Enqueue((nodes.Count, start, groupEnd, common + 1));
                nodes.Add(default);
                firstBytes.Add(firstByte);
                built.ChildCount++;
                start = groupEnd;
            }

            nodes[node] = built;
        }

        firstBytes.AddRange(new byte[Vector128<byte>.Count]);
        return new ByteTrie([.. nodes], [.. firstBytes], [.. labels]);
    }

    /// <summary>Starts a walk over <paramref name="text"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Walker Walk(ReadOnlySpan<byte> text) => new(this, text);

    private static int GroupEnd(IReadOnlyList<byte[]> keys, int start, int end, int depth, byte value)
    {
        var low = start + 1;
        while (low < end)
        {
            var middle = (low + end) >>> 1;
            if (keys[middle][depth] == value)
            {
                low = middle + 1;
            }
            else
            {
                end = middle;
            }
        }

        return low;
    }

    /// <summary>Index of the child that is reached by <paramref name="value"/>; -1 for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Child(ref readonly Node node, byte value)
    {
        // The array is padded by a vector's length, so that a load never passes its end.
        ref var first = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_firstBytes), node.FirstChild);
        for (var offset = 0; offset < node.ChildCount; offset += Vector128<byte>.Count)
        {
            var found = Vector128.Equals(Vector128.LoadUnsafe(ref first, (nuint)offset), Vector128.Create(value)).ExtractMostSignificantBits();
            if (found != 0)
            {
                var child = offset + BitOperations.TrailingZeroCount(found);
                return child < node.ChildCount ? node.FirstChild + child : -1;
            }
        }

        return -1;
    }

    private struct Node
    {
        /// <summary>Where the bytes after the node's first byte start.</summary>
        public int LabelOffset;

        /// <summary>At most <see cref="MaxKeyLength"/>.</summary>
        public ushort LabelLength;

        /// <summary>At most 256.</summary>
        public ushort ChildCount;
        public int FirstChild;

        /// <summary>Index of the key that ends here; -1 for none.</summary>
        public int Value;
    }

    /// <summary>A walk over a text.</summary>
    public ref struct Walker
    {
        private readonly ByteTrie _trie;
        private readonly ReadOnlySpan<byte> _text;
        private int _node;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Walker(ByteTrie trie, ReadOnlySpan<byte> text)
        {
            _trie = trie;
            _text = text;
            _node = -1;
        }

        /// <summary>Index of the key that was found.</summary>
        public int Value { get; private set; }

        /// <summary>Length of the key that was found.</summary>
        public int Length { get; private set; }

        /// <summary>Goes on to the next longer key that the text starts with; false where there is none.</summary>
        public bool MoveNext()
        {
            var text = _text;
            var position = Length;
            var index = _node;
            var nodes = _trie._nodes;
            while (true)
            {
                if (index < 0)
                {
                    index = 0;
                }
                else
                {
                    if ((uint)position >= (uint)text.Length)
                    {
                        return false;
                    }

                    index = _trie.Child(ref nodes[index], text[position]);
                    if (index < 0)
                    {
                        return false;
                    }

                    position++;
                }

                ref readonly var node = ref nodes[index];
                var label = _trie._labels.AsSpan(node.LabelOffset, node.LabelLength);
                if (!text[position..].StartsWith(label))
                {
                    return false;
                }

                position += label.Length;
                if (node.Value >= 0)
                {
                    _node = index;
                    Length = position;
                    Value = node.Value;
                    return true;
                }
            }
        }
    }
}
