using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Serving;

/// <summary>A resource in the form in which it is sent: serialised once, whoever asks for it and however often.</summary>
public sealed class XdsResource
{
    private const int DigestLength = 16;

    private XdsResource(string name, Any body, byte[] digest, IReadOnlyList<XdsReference> references)
    {
        Name = name;
        Body = body;
        Digest = new UInt128(BitConverter.ToUInt64(digest, 0), BitConverter.ToUInt64(digest, sizeof(ulong)));
        Version = Convert.ToHexStringLower(digest, 0, DigestLength / 2);
        References = references;
    }

    /// <summary>The name that proxies subscribe to, such as that of a cluster.</summary>
    public string Name { get; }

    /// <summary>The type URL, one of <see cref="XdsTypeUrls"/>.</summary>
    public string TypeUrl => Body.TypeUrl;

    /// <summary>A hash of the content: equal content has an equal version, in every process.</summary>
    public string Version { get; }

    /// <summary>The resource in its binary form. Must not be changed.</summary>
    public Any Body { get; }

    /// <summary>The other resources that this one names.</summary>
    public IReadOnlyList<XdsReference> References { get; }

    /// <summary>Hash of name and content, of which the version of a set is the sum.</summary>
    internal UInt128 Digest { get; }

    /// <summary>Serialises a resource.</summary>
    /// <param name="message">A cluster, cluster load assignment, listener, route configuration or secret; not kept.</param>
    /// <exception cref="ArgumentException">The message is of another type or has no name.</exception>
    public static XdsResource Create(IMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var name = ResourceNames.NameOf(message);
        if (string.IsNullOrEmpty(name))
        {
            throw new ArgumentException($"A {message.Descriptor.FullName} without a name is no resource", nameof(message));
        }

        var body = new Any { TypeUrl = XdsTypeUrls.Prefix + message.Descriptor.FullName, Value = message.ToByteString() };
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(name));
        hash.AppendData([0]);
        hash.AppendData(body.Value.Span);
        return new XdsResource(name, body, hash.GetHashAndReset(), ResourceReferences.Of(message));
    }
}

/// <summary>A resource that another one names.</summary>
/// <param name="TypeUrl">Its type.</param>
/// <param name="Name">Its name.</param>
public readonly record struct XdsReference(string TypeUrl, string Name);
