using System.Buffers;
using System.Numerics;
using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing.Hashing;

/// <summary>What hash policies look at.</summary>
/// <param name="head">The request.</param>
/// <param name="clientAddress">The client's address as text, without port.</param>
/// <param name="peer">Address and port of the connection's other end, as text.</param>
/// <param name="local">Address and port of the connection's own end, as text.</param>
/// <param name="setCookies">Takes the <c>set-cookie</c> lines of cookies that are given; null where no policy gives any.</param>
internal readonly ref struct HashSource(
    RequestHead head, ReadOnlySpan<byte> clientAddress, ReadOnlySpan<byte> peer, ReadOnlySpan<byte> local, IBufferWriter<byte>? setCookies)
{
    public RequestHead Head { get; } = head;

    public ReadOnlySpan<byte> ClientAddress { get; } = clientAddress;

    public ReadOnlySpan<byte> Peer { get; } = peer;

    public ReadOnlySpan<byte> Local { get; } = local;

    public IBufferWriter<byte>? SetCookies { get; } = setCookies;
}

/// <summary>One <see cref="HashPolicy"/> ready for traffic. Hashes are xxHash of 64 bits, as in Envoy, so that both agree on them.</summary>
internal abstract class CompiledHashPolicy(bool isTerminal)
{
    public bool IsTerminal { get; } = isTerminal;

    /// <summary>The hash of what the policy names; false where the request does not have it.</summary>
    public abstract bool TryHash(in HashSource source, out ulong hash);
}

/// <summary>The hash policies of a route. Immutable.</summary>
internal sealed class CompiledHashPolicies
{
    private readonly CompiledHashPolicy[] _policies;

    private CompiledHashPolicies(CompiledHashPolicy[] policies, bool givesCookies)
    {
        _policies = policies;
        GivesCookies = givesCookies;
    }

    /// <summary>True where a client may be given a cookie.</summary>
    public bool GivesCookies { get; }

    /// <summary>Compiles policies; null for none.</summary>
    public static CompiledHashPolicies? Compile(IReadOnlyList<HashPolicy> policies, string path, CompilationScope scope)
    {
        if (policies.Count == 0)
        {
            return null;
        }

        var compiled = policies.Select((policy, i) => Compile(policy, $"{path}[{i}]", scope)).ToArray();
        return new CompiledHashPolicies(compiled, policies.Any(static policy => policy is CookieHashPolicy { Ttl: not null }));
    }

    /// <summary>The hash of a request; false where none of the policies finds what it names.</summary>
    public bool TryHash(in HashSource source, out ulong hash)
    {
        hash = 0;
        var isFound = false;
        foreach (var policy in _policies)
        {
            if (policy.TryHash(source, out var next))
            {
                // Turned by a bit, so that two policies of the same value do not cancel each other out.
                hash = isFound ? BitOperations.RotateLeft(hash, 1) ^ next : next;
                isFound = true;
            }

            if (isFound && policy.IsTerminal)
            {
                break;
            }
        }

        return isFound;
    }

    private static CompiledHashPolicy Compile(HashPolicy policy, string path, CompilationScope scope) => policy switch
    {
        HeaderHashPolicy header => new HeaderHash(header, $"{path}.header", scope),
        CookieHashPolicy cookie => new CookieHash(cookie, $"{path}.cookie", scope),
        QueryParameterHashPolicy parameter => new QueryParameterHash(parameter),
        SourceIpHashPolicy => new SourceIpHash(policy.IsTerminal),
        _ => throw new NotSupportedException($"hash policy {policy.GetType().Name}"),
    };
}
