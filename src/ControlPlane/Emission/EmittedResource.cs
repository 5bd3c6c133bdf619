using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>A resource as it goes over the wire, serialised once and shared by every snapshot and every proxy that gets it.</summary>
/// <param name="Id">Type and name.</param>
/// <param name="Message">The resource, packed.</param>
/// <param name="Version">Derived from the content: equal content has an equal version, on every replica and after every restart.</param>
/// <param name="References">The resources that this one names; a snapshot without them would leave a proxy waiting.</param>
public sealed record EmittedResource(ResourceId Id, Any Message, string Version, ValueList<ResourceId> References)
{
    /// <summary>Packs a resource.</summary>
    /// <param name="name">The resource's name.</param>
    /// <param name="message">The resource.</param>
    /// <param name="references">The resources that it names.</param>
    internal static EmittedResource Pack(string name, IMessage message, ValueList<ResourceId> references)
    {
        var value = message.ToByteString();
        var typeUrl = XdsTypeUrls.Prefix + message.Descriptor.FullName;
        var version = Convert.ToHexStringLower(SHA256.HashData(value.Span).AsSpan(0, 8));
        return new EmittedResource(new ResourceId(typeUrl, name), new Any { TypeUrl = typeUrl, Value = value }, version, references);
    }
}

/// <summary>Identity of a resource.</summary>
/// <param name="TypeUrl">One of <see cref="XdsTypeUrls"/>.</param>
/// <param name="Name">Unique within the type.</param>
public readonly record struct ResourceId(string TypeUrl, string Name)
{
    /// <summary>The message's short name and the resource's name, for logs.</summary>
    public override string ToString() => $"{TypeUrl[(TypeUrl.LastIndexOf('.') + 1)..]} {Name}";
}
