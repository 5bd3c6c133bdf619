using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>Fields of a message that nobody wants.</summary>
internal readonly struct DroppedFields : IHpackFields
{
    public bool OnField(scoped HpackField field) => false;
}
