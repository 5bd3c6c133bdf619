using System.Buffers;
using System.IO.Hashing;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Regexes;

namespace KubeProxyNet.Proxy.Routing.Hashing;

/// <summary>The hash of a request header.</summary>
internal sealed class HeaderHash : CompiledHashPolicy
{
    /// <summary>Fields of one name that count; more than that are left out.</summary>
    private const int MaxValues = 16;

    private readonly byte[] _name;
    private readonly KnownHeader _id;
    private readonly RegexRewriter? _rewriter;

    public HeaderHash(HeaderHashPolicy source, string path, CompilationScope scope)
        : base(source.IsTerminal)
    {
        _name = Encoding.UTF8.GetBytes(source.HeaderName.ToLowerInvariant());
        _id = KnownHeaders.Identify(_name);
        _rewriter = scope.Rewriter(source.Rewrite, $"{path}.regex_rewrite");
    }

    public override bool TryHash(in HashSource source, out ulong hash)
    {
        if (!source.Head.TryGet(_name, out var value))
        {
            hash = 0;
            return false;
        }

        Span<Slice> values = stackalloc Slice[MaxValues];
        var count = Collect(source.Head, values);
        if (_rewriter is not null)
        {
            hash = count > 1 ? HashRewritten(source.Head, values[..count], _rewriter) : XxHash64.HashToUInt64(Rewrite(_rewriter, value));
        }
        else
        {
            hash = count > 1 ? HashInOrder(source.Head, values[..count]) : XxHash64.HashToUInt64(value);
        }

        return true;
    }

    private int Collect(RequestHead head, Span<Slice> values)
    {
        var count = 0;
        foreach (ref readonly var field in head.Fields)
        {
            if (count < values.Length && field.Id == _id && (KnownHeaders.IsName(_id) || head.Span(field.Name).SequenceEqual(_name)))
            {
                values[count++] = field.Value;
            }
        }

        return count;
    }

    /// <summary>Several values: sorted, so that their order does not matter, and each hashed with the hash so far as seed.</summary>
    private static ulong HashInOrder(RequestHead head, Span<Slice> values)
    {
        for (var i = 1; i < values.Length; i++)
        {
            for (var j = i; j > 0 && head.Span(values[j]).SequenceCompareTo(head.Span(values[j - 1])) < 0; j--)
            {
                (values[j], values[j - 1]) = (values[j - 1], values[j]);
            }
        }

        var hash = 0UL;
        foreach (var value in values)
        {
            hash = XxHash64.HashToUInt64(head.Span(value), (long)hash);
        }

        return hash;
    }

    // Rewriting goes through strings anyway.
    private static ulong HashRewritten(RequestHead head, Span<Slice> values, RegexRewriter rewriter)
    {
        var rewritten = new byte[values.Length][];
        for (var i = 0; i < values.Length; i++)
        {
            rewritten[i] = Rewrite(rewriter, head.Span(values[i]));
        }

        Array.Sort(rewritten, static (a, b) => a.AsSpan().SequenceCompareTo(b));
        return rewritten.Aggregate(0UL, static (hash, value) => XxHash64.HashToUInt64(value, (long)hash));
    }

    private static byte[] Rewrite(RegexRewriter rewriter, ReadOnlySpan<byte> value)
    {
        var output = new ArrayBufferWriter<byte>(Math.Max(16, value.Length));
        rewriter.Write(value, output);
        return output.WrittenSpan.ToArray();
    }
}
